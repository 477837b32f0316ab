"""Money that goes back: refunds by an operator or at the gateway's console, and disputes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.storm.journal import Refunded

if TYPE_CHECKING:
    from tests.storm.client import Client, Said
    from tests.storm.journal import Bought, Journal
    from tests.support.gateways.driver import Json
    from tests.support.stacks import Person

_ACCOUNTS = {
    "toss": {"bank": "20", "account_number": "1000123456789", "holder": "Hong Gildong"},
    "portone-v1": {"bank": "88", "account_number": "1000123456789", "holder": "Hong Gildong"},
    "portone-v2": {"bank": "SHINHAN", "account_number": "1000123456789", "holder": "Hong Gildong"},
}
_BY_DEPOSIT = {"deposit", "undone", "awaiting"}


class Merchants:
    def __init__(self, client: Client, operator: Person, journal: Journal) -> None:
        self._client = client
        self._operator = operator
        self._journal = journal

    async def follow_up(self, bought: Bought) -> None:
        """Does what the plan says about an order that was paid, or should have been."""
        later = bought.plan.later
        if not bought.keys or later == "nothing":
            return
        if later.startswith("refund"):
            await self._refund(bought)
        elif later.startswith("console"):
            part = {"amount": self._part(bought)} if later == "console_part" else {}
            await self._at_gateway(bought, "refund", later, **part)
        else:
            await self._dispute(bought)

    async def _refund(self, bought: Bought) -> None:
        asked: Json = {"reason": "as planned"}
        later = bought.plan.later
        if later in {"refund_part", "refund_forced"}:
            asked["amount"] = self._part(bought)
        if later != "refund":
            asked["force"] = later == "refund_forced"
        if bought.plan.window in _BY_DEPOSIT and bought.gateway in _ACCOUNTS:
            asked["account"] = _ACCOUNTS[bought.gateway]
        if bought.plan.slow and bought.gateway == "toss":
            path = f"payments/{bought.keys[-1]}"
            await self._client.set("toss", path, "PATCH", cancellation={"pending": True})
        said = await self._ask(bought, asked)
        self._journal.count("refunds", later, said.body.get("code") or said.status)
        bought.said.append(f"{later} {said.status} {said.body.get('code', '')}")
        made = said.body.get("refund", said.body)
        if said.ok and "id" in made:
            self._journal.refunded.append(Refunded(bought.order_id, made["id"], made["status"]))

    async def _ask(self, bought: Bought, asked: Json) -> Said:
        key = f"refund-{bought.plan.number}"
        if bought.plan.later == "refund_by_rpc":
            call = {**asked, "order_id": bought.order_id, "idempotency_key": key}
            return await self._client.rpc("request_token_refund", self._operator, **call)
        if "account" in asked:
            account = asked["account"]
            number = {"accountNumber": account["account_number"]}
            asked["account"] = {"bank": account["bank"], "holder": account["holder"], **number}
        path = f"/payment/{bought.order_id}/refund"
        headers = {"Idempotency-Key": key}
        return await self._client.sidecar(path, asked, self._operator.token, **headers)

    async def _dispute(self, bought: Bought) -> None:
        """Stripe and PortOne V2 have them. Decided at once, or left open."""
        if bought.gateway not in {"stripe", "portone-v2"}:
            return
        opened = "needs_response" if bought.gateway == "stripe" else "created"
        _, _, end = bought.plan.later.partition("_")
        if await self._at_gateway(bought, "dispute", "dispute opened", status=opened) and end:
            await self._at_gateway(bought, "dispute", f"dispute {end}", status=end)

    async def _at_gateway(self, bought: Bought, what: str, name: str, **body: object) -> bool:
        key = bought.keys[-1]
        played = await self._client.play(bought.gateway, what, payment_key=key, **body)
        done = played is not None
        kind = "disputes" if what == "dispute" else "refunds"
        self._journal.count(kind, name, "" if done else "not possible")
        bought.said.append(f"{name} {'played' if done else 'not possible'}")
        return done

    @staticmethod
    def _part(bought: Bought) -> int:
        return max(1, int(bought.amount * bought.plan.share))
