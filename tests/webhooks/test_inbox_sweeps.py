"""A flood of new webhooks does not keep those left over from before from being read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from coinslot.database.records import StoredWebhook, Webhook
from coinslot.errors import PaymentUnknownAtGateway
from coinslot.gateways.base import WebhookEvent
from coinslot.payments.settlements import Settlements
from coinslot.shutdown import Shutdown
from coinslot.webhooks.inbox import Inbox
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinslot.database import Database
    from coinslot.gateways.base import Gateway

LEFT_OVER = "left over"


@dataclass
class Books:
    """A database with one webhook that is due, and room for all that come."""

    stored: int = 0
    asked_for: list[int] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)

    def as_service(self) -> Books:
        return self

    async def store_webhook(self, _gateway: str, _event: object, *, busy: bool) -> StoredWebhook:
        assert not busy
        self.stored += 1
        return StoredWebhook(verdict="read", webhook_id=self.stored, order=None)

    async def claim_webhooks(self, batch: int) -> list[Webhook]:
        self.asked_for.append(batch)
        at = "2026-11-22T00:00:00+00:00"
        return [
            Webhook(
                id=4711,
                gateway="toss",
                event_id=None,
                event_type="",
                order_id="",
                payment_key=LEFT_OVER,
                claims_paid=True,
                outcome="received",
                detail="",
                deliveries=1,
                attempts=0,
                received_at=at,
                waiting_since=at,
                taken_at=at,
                finished_at=None,
                next_attempt_at=at,
            )
        ]

    async def finish_webhook(self, webhook_id: int, *_: object, **__: object) -> None:
        self.finished.append(webhook_id)

    async def return_webhooks(self, webhook_ids: list[int]) -> None: ...


@dataclass
class Gates:
    """A gateway that answers one read whenever it is let."""

    name = "toss"
    reads: list[str | None] = field(default_factory=list)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def check_key(self, _key: str) -> None: ...

    def parse_webhook(self, _headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        return WebhookEvent("", None, body.decode(), claims_paid=True)

    async def read(self, _order_id: str | None, payment_key: str | None) -> None:
        self.reads.append(payment_key)
        await self.turns.acquire()
        raise PaymentUnknownAtGateway


async def test_a_flood_does_not_keep_a_sweep_from_its_work() -> None:
    books, gates = Books(), Gates()
    database: Database = books  # type: ignore[assignment]
    known: dict[str, Gateway] = {"toss": gates}  # type: ignore[dict-item]
    asked = settings(coinslot_inbox_concurrency=1)
    inbox = Inbox(database, known, Settlements(database), asked, Shutdown(0.1))
    try:
        for number in range(20):
            assert await inbox.take("toss", {}, f"new {number}".encode()) == "read"
        assert await inbox.claim() == 1
        for _ in range(4):
            await asyncio.sleep(0.01)
            gates.turns.release()
        await asyncio.sleep(0.01)
        assert LEFT_OVER in gates.reads[:3]
        assert len(gates.reads) == 5
        assert books.asked_for == [4]
    finally:
        await inbox.close()


async def test_a_read_that_outlives_its_lease_says_nothing_about_the_webhook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By then another may have it, and the news of deliveries that came since."""
    monkeypatch.setattr("coinslot.webhooks.inbox.SECONDS_PER_WEBHOOK", 0.05)
    books, gates = Books(), Gates()
    database: Database = books  # type: ignore[assignment]
    known: dict[str, Gateway] = {"toss": gates}  # type: ignore[dict-item]
    inbox = Inbox(database, known, Settlements(database), settings(), Shutdown(0.1))
    try:
        for _ in range(2):
            assert await inbox.take("toss", {}, b"one payment") == "read"
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        for _ in range(2):
            gates.turns.release()
            await asyncio.sleep(0.01)
        assert books.finished == []
    finally:
        await inbox.close()


async def test_a_read_sets_out_before_its_webhook_is_answered() -> None:
    books, gates = Books(), Gates()
    database: Database = books  # type: ignore[assignment]
    known: dict[str, Gateway] = {"toss": gates}  # type: ignore[dict-item]
    inbox = Inbox(database, known, Settlements(database), settings(), Shutdown(0.1))
    try:
        await inbox.take("toss", {}, b"a payment")
        assert gates.reads == ["a payment"]
    finally:
        await inbox.close()
