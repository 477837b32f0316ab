"""A gateway that is asked for a refund for too long, or again while it is still being asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.database.records import Payment, RefundJob, RefundRecord
from coinslot.database.refunds import RefundRequest
from coinslot.payments import refunds as refunding
from coinslot.payments.refunds import Refunds
from coinslot.payments.settlements import Settlements

if TYPE_CHECKING:
    from coinslot.database import Database
    from coinslot.gateways.base import Gateway

ORDER, KEY = "ord_0123456789ab", "tgen_123456"


class Books:
    """One refund that is to be asked for, given out as often as somebody wants it."""

    def __init__(self) -> None:
        self.answers: list[str] = []

    def as_service(self) -> Books:
        return self

    async def claim_refunds(self, _batch: int) -> list[RefundJob]:
        order: dict[str, Any] = {"order_id": ORDER, "gateway": "toss", "version": 1}
        job: dict[str, Any] = {
            "id": "r",
            "key": "k",
            "todo": "ask",
            "tries": 1,
            "reason": "why",
            "amount": 5000,
            "refundable": 5000,
            "currency": "KRW",
            "gateway": "toss",
            "payment_key": KEY,
            "account": None,
            "payment": Payment.model_construct(**order),
        }
        return [RefundJob.model_construct(**job)]

    async def record_refund_answer(self, _job: RefundJob, answer: str, *_: str) -> None:
        self.answers.append(answer)

    async def open_payment(self, _order_id: str) -> Payment:
        raise AssertionError("read")


class Slow:
    """A gateway that answers no refund."""

    name = "toss"

    def __init__(self) -> None:
        self.asked = 0

    def check_key(self, _key: str) -> None: ...

    async def refund(self, _refund: object) -> None:
        self.asked += 1
        await asyncio.sleep(60)


def at(books: Books, gateway: Slow) -> Refunds:
    database: Database = books  # type: ignore[assignment]
    known: dict[str, Gateway] = {"toss": gateway}  # type: ignore[dict-item]
    return Refunds(database, known, Settlements(database))


async def test_is_asked_no_longer_than_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else another server might ask meanwhile. What became of it is unknown, and is recorded so."""
    monkeypatch.setattr(refunding, "SECONDS_TO_REFUND", 0.05)
    books, gateway = Books(), Slow()
    async with asyncio.timeout(5):
        await at(books, gateway).work_off(1)
    assert (gateway.asked, books.answers) == (1, ["unknown"])


async def test_is_not_asked_again_behind_the_one_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refunding, "SECONDS_TO_REFUND", 0.2)
    books, gateway = Books(), Slow()
    refunds = at(books, gateway)
    first = asyncio.create_task(refunds.work_off(1))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(0.1):
        await refunds.work_off(1)
    await first
    assert (gateway.asked, books.answers) == (1, ["unknown"])


class Desk(Books):
    """Books with a refund that was taken up so often before."""

    def __init__(self, attempts: int) -> None:
        super().__init__()
        shown: dict[str, Any] = {"id": "r", "attempts": attempts}
        self.refund_asked_for = RefundRecord.model_construct(**shown)
        self.closed: list[str] = []

    async def request_refund_for(self, *_: object) -> RefundRecord:
        return self.refund_asked_for

    async def claim_refunds(self, _batch: int, _refund_id: str = "") -> list[RefundJob]:
        return await super().claim_refunds(1)

    async def close_refund(self, refund_id: str, _reason: str) -> None:
        self.closed.append(refund_id)

    async def refund(self, _refund_id: str) -> RefundRecord:
        return self.refund_asked_for


@pytest.mark.parametrize(("attempts", "closed"), [(0, ["r"]), (1, [])])
async def test_is_given_up_for_want_of_keys_only_before_anybody_asked(
    attempts: int, closed: list[str]
) -> None:
    """The tokens would be free while another server's refund is on its way."""
    desk = Desk(attempts)
    database: Database = desk  # type: ignore[assignment]
    await Refunds(database, {}, Settlements(database)).refund(ORDER, RefundRequest("why", "key"))
    assert desk.closed == closed
