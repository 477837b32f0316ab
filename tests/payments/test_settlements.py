"""Racing reads of one payment are shared, except between gateways."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from coinslot.database.records import Applied, OrderRecord
from coinslot.errors import CoinslotError, DatabaseUnavailable
from coinslot.gateways.base import GatewayPayment
from coinslot.payments.settlements import Settled, Settlements

if TYPE_CHECKING:
    from coinslot.database import Database
    from coinslot.gateways.base import Gateway

ORDER, KEY = "ord_0123456789ab", "tgen_123456"


class Books:
    """The database of one order at Toss. It keeps no cards."""

    def __init__(self) -> None:
        self.noted: list[tuple[str, str] | str] = []
        self.confirmed_at: str | None = None

    def as_service(self) -> Books:
        return self

    async def open_payment(self, order_id: str) -> OrderRecord:
        await asyncio.sleep(0.01)
        order: dict[str, Any] = {"order_id": order_id, "gateway": "toss", "version": 1}
        order["confirmed_at"] = self.confirmed_at
        return OrderRecord.model_construct(**order)

    async def apply_gateway_payment(self, *_: object, **__: object) -> Applied:
        self.noted.append("applied")
        return Applied.model_construct(outcome="credited", order=None, webhooks=[])

    async def refuse_payment_attempt(self, *_: object) -> None: ...

    async def note_instrument(self, order_id: str, fingerprint: str) -> None:
        self.noted.append((order_id, fingerprint))
        raise DatabaseUnavailable


class Named:
    """A gateway at which the order's payment is found, not yet paid."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def read(self, order_id: str, payment_key: str) -> GatewayPayment:
        return GatewayPayment(order_id, payment_key, "ready", 5000, "KRW", live=False)


def settling() -> Settlements:
    database: Database = Books()  # type: ignore[assignment]
    return Settlements(database)


async def settle(settling: Settlements, name: str) -> Settled:
    gateway: Gateway = Named(name)  # type: ignore[assignment]
    return await settling.settle(gateway, ORDER, KEY, "complete")


async def test_a_card_is_noted_before_its_money_which_does_not_depend_on_it() -> None:
    """Nobody reads a credited order again: noted after it, a kill between the two loses it."""
    books = Books()
    database: Database = books  # type: ignore[assignment]
    card = GatewayPayment(ORDER, KEY, "paid", 5000, "KRW", live=False, paid=5000, fingerprint="f1")
    settled = await Settlements(database).apply(await books.open_payment(ORDER), card, "complete")
    assert (settled.outcome, books.noted) == ("credited", [(ORDER, "f1"), "applied"])
    books.confirmed_at = "2026-01-01T00:00:00Z"
    await Settlements(database).apply(await books.open_payment(ORDER), card, "complete")
    assert books.noted[2:] == ["applied"]


async def test_refusal_of_one_gateway_is_not_the_answer_of_another() -> None:
    both = settling()
    stranger, owner = await asyncio.gather(
        settle(both, "portone"), settle(both, "toss"), return_exceptions=True
    )
    assert isinstance(stranger, CoinslotError)
    assert stranger.code == "wrong_gateway"
    assert isinstance(owner, Settled)
    assert owner.outcome == "credited"
