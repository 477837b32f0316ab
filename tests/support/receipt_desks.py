"""A buyer who pays by transfer and asks for a cash receipt, and everybody who has to do with it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coinslot.services import opened
from tests.support.gateways import PORTONE_V1, PORTONE_V2, TOSS
from tests.support.servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.support.gateways.driver import Json
    from tests.support.refund_desks import RefundDesk
    from tests.support.shop import Shop

ISSUERS = (PORTONE_V1, TOSS, PORTONE_V2)
PHONE, BUSINESS = "01023456789", "1234567891"
_TRANSFERS = {
    PORTONE_V1.name: "trans",
    PORTONE_V2.name: "PaymentMethodTransfer",
    TOSS.name: "TRANSFER",
}
_DAY = 24 * 3600 + 60


@dataclass(frozen=True)
class ReceiptDesk:
    """One gateway. `refund_desk` gives money back; the rest is the buyer, clocks and books."""

    refund_desk: RefundDesk

    @property
    def shop(self) -> Shop:
        return self.refund_desk.shop

    @property
    def gateway(self) -> str:
        return self.refund_desk.checkout.driver.name

    # ---- the buyer ----

    async def order(self, receipt: Json | None = None) -> httpx.Response:
        driver = self.refund_desk.checkout.driver
        path, body = driver.ordering("starter")
        asked = {"cashReceipt": receipt} if receipt else {}
        return await self.shop.http.post(
            f"{self.shop.sidecar}{path}", json={**body, **asked}, headers=self.shop.jwt
        )

    async def bought(self, receipt: Json | None = None, **turn: Any) -> str:  # noqa: ANN401 - of a turn
        """An order of ten tokens that was paid by transfer."""
        answer = await self.order(receipt)
        assert answer.status_code == 200, answer.text
        order_id = str(answer.json()["orderId"])
        await self.pay(order_id, **turn)
        return order_id

    async def pay(self, order_id: str, **turn: Any) -> None:  # noqa: ANN401 - of a turn
        checkout = self.refund_desk.checkout
        paid: dict[str, Any] = {"method": _TRANSFERS[self.gateway], **turn}
        key = await self.shop.pay(order_id, **paid)
        assert await checkout.come_back(order_id, key) == 200
        await self.shop.until(lambda: self.shop.row(order_id)["status"] == "completed")

    async def refund(self, order_id: str, amount: int | None = None) -> None:
        body: dict[str, Any] = {"amount": amount} if amount else {}
        answer = await self.refund_desk.refund(order_id, **body)
        assert answer.status_code in {200, 202}, answer.text
        await self.refund_desk.settled(order_id)

    # ---- the servers ----

    async def work(self) -> None:
        """Does what a server's loop does."""
        async with opened(self.refund_desk.checkout.settings()) as services:
            await services.cash_receipts.work_off()

    async def until(self, order_id: str, *statuses: str) -> Json:
        """The receipt once it has one of these statuses, nothing is due at once, and no server has
        it: the stack's own takes some, too."""
        async with asyncio.timeout(PATIENCE):
            while True:
                now = self.receipt(order_id)
                if now["status"] in statuses and not (now["due"] or now["leased"]):
                    return now
                await self.work()

    def pass_days(self, order_id: str, days: int = 2) -> None:
        """Lets the receipt be looked at as if it had been asked for so many days ago."""
        self.shop.select(
            "update coinslot.cash_receipts r set next_try_at = clock_timestamp(), "
            "leased_until = null, changed_at = r.changed_at - make_interval(days => %s) "
            "from token_payments p where p.id = r.payment_id and p.order_id = %s returning 1",
            days,
            order_id,
        )

    @asynccontextmanager
    async def a_day_later(self) -> AsyncIterator[None]:
        """By the gateway's clock."""
        await self.shop.play("clock", advance_s=_DAY)
        try:
            yield
        finally:
            await self.shop.play("clock", advance_s=-_DAY)

    # ---- the books ----

    def receipt(self, order_id: str) -> Json:
        [(found,)] = self.shop.select(
            "select to_jsonb(r) || jsonb_build_object('due', "
            "coalesce(r.next_try_at <= clock_timestamp() + interval '2 s', false), "
            "'leased', coalesce(r.leased_until > clock_timestamp(), false)) "
            "from coinslot.cash_receipts r join token_payments p on p.id = r.payment_id "
            "where p.order_id = %s",
            order_id,
        )
        return dict(found)

    def numbers(self, order_id: str) -> list[str]:
        return [
            number
            for (number,) in self.shop.select(
                "select n.number from coinslot.cash_receipt_numbers n join token_payments p "
                "on p.id = n.payment_id where p.order_id = %s",
                order_id,
            )
        ]

    async def at_gateway(self, order_id: str) -> list[tuple[int, str]]:
        """Amount and number of each receipt of the order that stands at the gateway."""
        books = (await self.shop.play("cash_receipts", "GET"))["cash_receipts"]
        key = self.shop.row(order_id)["payment_key"]
        return [
            each
            for each in (_standing(books, row, order_id, key) for row in books)
            if each is not None
        ]

    async def issues(self, order_id: str) -> int:
        """Counts the times that one was issued at the gateway."""
        books = (await self.shop.play("cash_receipts", "GET"))["cash_receipts"]
        key = self.shop.row(order_id)["payment_key"]
        mine = [row for row in books if order_id in _names(row) or key in _names(row)]
        if self.gateway == TOSS.name:
            return sum(row["transactionType"] == "CONFIRM" for row in mine)
        return sum(int(row["issues"]) for row in mine)


def _names(row: Json) -> set[Any]:
    order_id = str(row.get("orderId", "")).partition("-")[0]
    return {order_id, row.get("paymentId"), row.get("imp_uid")}


def _standing(books: list[Json], row: Json, order_id: str, key: str) -> tuple[int, str] | None:
    if not {order_id, key} & _names(row) or row.get("transactionType") == "CANCEL":
        return None
    amount, number = row["amount"], row.get("identityNumber") or row.get("identifier")
    if "transactionType" in row:
        number = row["customerIdentityNumber"]
        amount = 0 if row["issueStatus"] == "FAILED" else amount
        amount -= sum(
            each["amount"]
            for each in books
            if each["receiptKey"] == f"c_{row['receiptKey']}" and each["issueStatus"] != "FAILED"
        )
    elif row.get("cancelled_at") or row.get("status") in {"CANCELLED", "ISSUE_FAILED"}:
        amount = 0
    return (amount, str(number)) if amount else None
