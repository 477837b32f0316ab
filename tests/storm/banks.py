"""Refunds that take their time, decided: nothing stays under way for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.storm.books import stripe_list

if TYPE_CHECKING:
    from tests.storm.client import Client


class Banks:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._decided = 0

    async def decide(self) -> None:
        await self._stripe()
        await self._toss()
        await self._portone()

    async def _stripe(self) -> None:
        for refund in await stripe_list(self._client, "refunds"):
            if refund["status"] == "pending":
                named = {"payment_key": refund["payment_intent"], "refund": refund["id"]}
                await self._end("stripe", "refund_status", "status", **named)

    async def _toss(self) -> None:
        for payment in (await self._client.look("toss/_sim/payments"))["payments"]:
            key = {"payment_key": payment["paymentKey"]}
            account = payment["virtualAccount"] or {}
            if account.get("refundStatus") == "PENDING":
                # One that fails is sent again by a person, so it is no end.
                await self._client.play("toss", "refund_status", status="succeeded", **key)
            elif any(each["cancelStatus"] == "IN_PROGRESS" for each in payment["cancels"] or []):
                await self._end("toss", "refund_status", "status", **key)

    async def _portone(self) -> None:
        for payment in (await self._client.look("portone-v2/_sim/payments"))["payments"]:
            for each in payment.get("cancellations", []):
                if each["status"] == "REQUESTED":
                    key = {"payment_key": payment["transactionId"]}
                    await self._end("portone-v2", "settle_refund", "outcome", **key)

    async def _end(self, simulator: str, what: str, field: str, **named: str) -> None:
        """Every other one fails."""
        self._decided += 1
        end = "succeeded" if self._decided % 2 else "failed"
        await self._client.play(simulator, what, **named, **{field: end})
