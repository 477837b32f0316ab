"""A gateway that is asked for a refund for too long, or again while it is still being asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from sidecar.database.records import Payment, RefundJob
from sidecar.services import refunding
from sidecar.services.refunding import Refunding
from sidecar.services.settling import Settling

if TYPE_CHECKING:
    import pytest

    from sidecar.database import Database
    from sidecar.gateways.base import Gateway

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


def at(books: Books, gateway: Slow) -> Refunding:
    database: Database = books  # type: ignore[assignment]
    known: dict[str, Gateway] = {"toss": gateway}  # type: ignore[dict-item]
    return Refunding(database, known, Settling(database))


async def test_is_asked_no_longer_than_the_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else another server might ask meanwhile. What became of it is unknown, and is recorded so."""
    monkeypatch.setattr(refunding, "_SECONDS_TO_ASK", 0.05)
    books, gateway = Books(), Slow()
    async with asyncio.timeout(5):
        await at(books, gateway).work_off(1)
    assert (gateway.asked, books.answers) == (1, ["unknown"])


async def test_is_not_asked_again_behind_the_one_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refunding, "_SECONDS_TO_ASK", 0.2)
    books, gateway = Books(), Slow()
    refunds = at(books, gateway)
    first = asyncio.create_task(refunds.work_off(1))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(0.1):
        await refunds.work_off(1)
    await first
    assert (gateway.asked, books.answers) == (1, ["unknown"])
