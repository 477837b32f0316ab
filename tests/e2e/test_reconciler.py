"""The reconciler fetches what no webhook told, and nobody came back for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from coinslot.errors import DatabaseUnavailable, TryAgain
from coinslot.services import opened
from tests.support.checkouts import Checkout, at_one
from tests.support.gateways import TOSS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coinslot.payments.reconciliations import Round
    from coinslot.services import Services
    from tests.support.shop import Shop
    from tests.support.stacks import LocalStack


@dataclass(frozen=True)
class ReconciledCheckout:
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
            "from token_payments p where p.id = r.payment_id returning 1",
            list(order_ids),
        )

    def schedule(self, order_id: str) -> list[tuple[int, int]]:
        """The number of reads of the order, and the minutes until the next one."""
        return [
            (reads, minutes)
            for reads, minutes in self.shop.select(
                "select r.reads, round(extract(epoch from r.next_read_at - now()) / 60)::int "
                "from coinslot.payment_reads r join token_payments p on p.id = r.payment_id "
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

    async def becomes(self, order_id: str, status: str) -> None:
        """By whichever server."""
        await self.shop.until(lambda: self.shop.row(order_id)["status"] == status)

    async def planned(self, order_id: str, schedule: list[tuple[int, int]]) -> None:
        """By whichever server."""
        await self.shop.until(lambda: self.schedule(order_id) == schedule)


@pytest_asyncio.fixture
async def reconciled(checkout: Checkout, stack: LocalStack) -> AsyncIterator[ReconciledCheckout]:
    async with opened(checkout.settings()) as services:
        yield ReconciledCheckout(checkout, services)


class TestOpenOrder:
    async def test_paid_and_never_told(self, reconciled: ReconciledCheckout) -> None:
        order_id = await reconciled.checkout.order()
        await reconciled.checkout.pay(order_id)
        await reconciled.round(order_id)
        await reconciled.completed(order_id)
        assert await reconciled.shop.tokens() == 15
        assert reconciled.schedule(order_id) == []

    @at_one(TOSS)
    async def test_paid_after_it_expired(self, reconciled: ReconciledCheckout) -> None:
        order_id = await reconciled.checkout.order()
        reconciled.shop.select(
            "update token_payments set expires_at = now() where order_id = %s returning 1", order_id
        )
        await reconciled.services.reconciliations.maintain()
        assert reconciled.shop.row(order_id)["status"] == "expired"
        await reconciled.checkout.pay(order_id)
        await reconciled.round(order_id)
        await reconciled.completed(order_id)

    @at_one(TOSS)
    async def test_nobody_paid(self, reconciled: ReconciledCheckout) -> None:
        """Read at growing distances; nothing is noted about it."""
        order_id = await reconciled.checkout.order()
        await reconciled.round(order_id)
        await reconciled.planned(order_id, [(1, 5)])
        await reconciled.round(order_id)
        await reconciled.planned(order_id, [(2, 10)])
        assert reconciled.shop.row(order_id)["status"] == "pending"
        assert reconciled.shop.events(order_id) == []

    @at_one(TOSS)
    async def test_many_servers_read_each_order_once(self, reconciled: ReconciledCheckout) -> None:
        orders = [await reconciled.checkout.order() for _ in range(10)]
        for order_id in orders:
            await reconciled.checkout.pay(order_id)
        reconciled.due(*orders)
        settings = reconciled.checkout.settings()
        async with opened(settings) as second, opened(settings) as third:
            rounds = await asyncio.gather(
                *(each.reconciliations.once() for each in (reconciled.services, second, third))
            )
        assert sum(each.read for each in rounds) <= 10
        await reconciled.completed(*orders)
        assert await reconciled.shop.tokens() == 5 + 10 * 10


class TestSettledOrder:
    async def test_refund_at_the_console_that_no_webhook_told(
        self, reconciled: ReconciledCheckout
    ) -> None:
        """The webhook came before the gateway's own records showed it; it is looked for again."""
        order_id, key = await reconciled.checkout.bought()
        await reconciled.checkout.tell(order_id, key, paid=False)
        await reconciled.shop.followed(order_id)
        assert reconciled.shop.row(order_id)["status"] == "completed"
        await reconciled.shop.play("refund", payment_key=key)
        await reconciled.round(order_id)
        await reconciled.becomes(order_id, "refunded")
        assert await reconciled.shop.tokens() == 5


@at_one(TOSS)
class TestServer:
    async def test_orders_that_others_are_at_are_left_to_the_next_read(
        self, reconciled: ReconciledCheckout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every read is overtaken by another; the round ends all the same."""

        async def overtaken(*_: object) -> None:
            raise TryAgain

        orders = [await reconciled.checkout.order() for _ in range(3)]
        for order_id in orders:
            await reconciled.checkout.pay(order_id)
        with monkeypatch.context() as patched:
            patched.setattr(reconciled.services.reconciliations, "_read", overtaken)
            assert (await reconciled.round(*orders)).read == 0
        await reconciled.round(*orders)
        await reconciled.completed(*orders)

    async def test_database_that_is_gone_is_named(
        self, reconciled: ReconciledCheckout, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not a bundle of what each worker saw: an operator reads this."""

        async def gone(*_: object) -> None:
            raise DatabaseUnavailable

        orders = [await reconciled.checkout.order() for _ in range(8)]
        reconciled.due(*orders)
        monkeypatch.setattr(reconciled.services.reconciliations, "_read", gone)
        with pytest.raises(DatabaseUnavailable):
            await reconciled.services.reconciliations.once()


@at_one(TOSS)
class TestGateway:
    @pytest.mark.parametrize("kind", ["error_before", "html"])
    async def test_is_down_and_comes_back(self, reconciled: ReconciledCheckout, kind: str) -> None:
        """It is asked less and less, what was to be read is kept, and caught up with. So it is
        where somebody before it says under HTTP 200 that it is closed."""
        orders = [await reconciled.checkout.order() for _ in range(6)]
        for order_id in orders:
            await reconciled.checkout.pay(order_id)
        await reconciled.checkout.fail(kind)
        done = await reconciled.round(*orders)
        assert done.read == 0
        assert done.unanswered <= 6
        await reconciled.shop.until(
            lambda: {reads for each in orders for reads, _ in reconciled.schedule(each)} == {0}
        )
        resting = await reconciled.round(*orders)
        assert resting.idle()
        await reconciled.checkout.fail(None)
        async with opened(reconciled.checkout.settings()) as another:
            reconciled.due(*orders)
            assert (await another.reconciliations.once()).unanswered == 0
        await reconciled.completed(*orders)

    async def test_talks_nonsense_about_one_order(self, reconciled: ReconciledCheckout) -> None:
        """The others are read; that one is when it is next due."""
        orders = [await reconciled.checkout.order() for _ in range(4)]
        key, *_ = [await reconciled.checkout.pay(order_id) for order_id in orders]
        currency = (await reconciled.checkout.books(key))["currency"]
        await reconciled.checkout.shop.play(f"payments/{key}", "PATCH", currency="?")
        assert (await reconciled.round(*orders)).unanswered == 0
        await reconciled.completed(*orders[1:])
        await reconciled.checkout.shop.play(f"payments/{key}", "PATCH", currency=currency)
        async with opened(reconciled.checkout.settings()) as another:
            reconciled.due(*orders)
            await another.reconciliations.once()
        await reconciled.completed(*orders)
