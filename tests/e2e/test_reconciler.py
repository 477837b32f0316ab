"""What no webhook told, and nobody came back for: the reconciler fetches it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from coinslot.errors import DatabaseUnavailable, TryAgain
from coinslot.services import opened
from tests.support.checkouts import Checkout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coinslot.payments.reconciliations import Round
    from coinslot.services import Services
    from tests.support.shop import Shop
    from tests.support.stacks import LocalStack


@dataclass(frozen=True)
class Night:
    """A till whose gateway sends no webhooks, and a reconciler of this test's own."""

    checkout: Checkout
    services: Services

    @property
    def shop(self) -> Shop:
        return self.checkout.shop

    def due(self, *order_ids: str) -> None:
        """Time passes for these orders, and for no other of the tests before."""
        self.shop.select(
            "update coinslot.payment_reads r set next_read_at = case "
            "when p.order_id = any (%s) then now() else now() + interval '1 day' end "
            "from payments p where p.id = r.payment_id returning 1",
            list(order_ids),
        )

    def schedule(self, order_id: str) -> list[tuple[int, int]]:
        """How often the order was read, and in how many minutes it is again."""
        return [
            (reads, minutes)
            for reads, minutes in self.shop.select(
                "select r.reads, round(extract(epoch from r.next_read_at - now()) / 60)::int "
                "from coinslot.payment_reads r join payments p on p.id = r.payment_id "
                "where p.order_id = %s",
                order_id,
            )
        ]

    async def round(self, *order_ids: str) -> Round:
        """The server beside us reconciles as well: it may take some of the work."""
        self.due(*order_ids)
        return await self.services.reconciliations.once()

    async def completed(self, *order_ids: str) -> None:
        """By whichever server."""
        await self.shop.until(
            lambda: all(self.shop.row(each)["status"] == "completed" for each in order_ids)
        )


@pytest_asyncio.fixture
async def night(checkout: Checkout, stack: LocalStack) -> AsyncIterator[Night]:
    async with opened(checkout.settings()) as services:
        yield Night(checkout, services)


class TestOpenOrder:
    async def test_paid_and_never_told(self, night: Night) -> None:
        order_id = await night.checkout.order()
        await night.checkout.pay(order_id)
        await night.round(order_id)
        assert night.shop.row(order_id)["status"] == "completed"
        assert await night.shop.tokens() == 15
        assert night.schedule(order_id) == []

    async def test_paid_after_it_expired(self, night: Night) -> None:
        order_id = await night.checkout.order()
        night.shop.select(
            "update payments set expires_at = now() where order_id = %s returning 1", order_id
        )
        await night.services.reconciliations.maintain()
        assert night.shop.row(order_id)["status"] == "expired"
        await night.checkout.pay(order_id)
        await night.round(order_id)
        assert night.shop.row(order_id)["status"] == "completed"

    async def test_nobody_paid(self, night: Night) -> None:
        """Read at growing distances; nothing is noted about it."""
        order_id = await night.checkout.order()
        await night.round(order_id)
        [(reads, minutes)] = night.schedule(order_id)
        assert (reads, minutes) == (1, 5)
        await night.round(order_id)
        assert night.schedule(order_id) == [(2, 10)]
        assert night.shop.row(order_id)["status"] == "pending"
        assert night.shop.events(order_id) == []

    async def test_many_servers_read_each_order_once(self, night: Night) -> None:
        orders = [await night.checkout.order() for _ in range(10)]
        for order_id in orders:
            await night.checkout.pay(order_id)
        night.due(*orders)
        settings = night.checkout.settings()
        async with opened(settings) as second, opened(settings) as third:
            rounds = await asyncio.gather(
                *(each.reconciliations.once() for each in (night.services, second, third))
            )
        assert sum(each.read for each in rounds) <= 10
        await night.completed(*orders)
        assert await night.shop.tokens() == 5 + 10 * 10


class TestSettledOrder:
    async def test_refund_at_the_console_that_no_webhook_told(self, night: Night) -> None:
        """The webhook came before the gateway's own records showed it; it is looked for again."""
        order_id, key = await night.checkout.bought()
        await night.checkout.tell(order_id, key, paid=False)
        await night.shop.followed(order_id)
        assert night.shop.row(order_id)["status"] == "completed"
        await night.shop.play("refund", payment_key=key)
        await night.round(order_id)
        assert night.shop.row(order_id)["status"] == "refunded"
        assert await night.shop.tokens() == 5


class TestServer:
    async def test_orders_that_others_are_at_are_left_to_the_next_read(
        self, night: Night, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every read is overtaken by another; the round ends all the same."""

        async def overtaken(*_: object) -> None:
            raise TryAgain

        orders = [await night.checkout.order() for _ in range(3)]
        for order_id in orders:
            await night.checkout.pay(order_id)
        with monkeypatch.context() as patched:
            patched.setattr(night.services.reconciliations, "_read", overtaken)
            assert (await night.round(*orders)).read == 0
        await night.round(*orders)
        await night.completed(*orders)

    async def test_database_that_is_gone_is_named(
        self, night: Night, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not a bundle of what each worker saw: an operator reads this."""

        async def gone(*_: object) -> None:
            raise DatabaseUnavailable

        orders = [await night.checkout.order() for _ in range(8)]
        night.due(*orders)
        monkeypatch.setattr(night.services.reconciliations, "_read", gone)
        with pytest.raises(DatabaseUnavailable):
            await night.services.reconciliations.once()


class TestGateway:
    @pytest.mark.parametrize("kind", ["error_before", "html"])
    async def test_is_down_and_comes_back(self, night: Night, kind: str) -> None:
        """It is asked less and less, what was to be read is kept, and caught up with. So it is
        where somebody before it says under HTTP 200 that it is closed."""
        orders = [await night.checkout.order() for _ in range(6)]
        for order_id in orders:
            await night.checkout.pay(order_id)
        await night.checkout.fail(kind)
        done = await night.round(*orders)
        assert done.read == 0
        assert done.unanswered <= 6
        await night.shop.until(
            lambda: {reads for each in orders for reads, _ in night.schedule(each)} == {0}
        )
        resting = await night.round(*orders)
        assert resting.idle()
        await night.checkout.fail(None)
        async with opened(night.checkout.settings()) as another:
            night.due(*orders)
            assert (await another.reconciliations.once()).unanswered == 0
        await night.completed(*orders)

    async def test_talks_nonsense_about_one_order(self, night: Night) -> None:
        """The others are read; that one is when it is next due."""
        orders = [await night.checkout.order() for _ in range(4)]
        key, *_ = [await night.checkout.pay(order_id) for order_id in orders]
        currency = (await night.checkout.books(key))["currency"]
        await night.checkout.shop.play(f"payments/{key}", "PATCH", currency="?")
        assert (await night.round(*orders)).unanswered == 0
        await night.completed(*orders[1:])
        await night.checkout.shop.play(f"payments/{key}", "PATCH", currency=currency)
        async with opened(night.checkout.settings()) as another:
            night.due(*orders)
            await another.reconciliations.once()
        await night.completed(*orders)
