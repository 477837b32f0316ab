"""No checkout gives anything to pay with for an order that could not be bought with it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, LiteralString

import pytest

from tests.support.modes import LIVE, TEST
from tests.support.toss_shop import TossShop

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.support.shop import Shop
    from tests.support.stripe_shop import StripeShop

AGAIN = {"Idempotency-Key": "one click"}


@contextmanager
def meanwhile(shop: Shop, done: LiteralString, undone: LiteralString) -> Iterator[None]:
    with shop.stack.connect() as owner:
        owner.execute(done)
        try:
            yield
        finally:
            owner.execute(undone)


def refused(answer: httpx.Response, code: str) -> bool:
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not {"clientSecret", "tossConfig", "orderId"} & answer.json().keys()
    return True


class TestOfTheOtherMode:
    async def test_is_not_opened_for_payment(self, shop: Shop, stripe_shop: StripeShop) -> None:
        """The database sells in earnest, and this server has test keys."""
        with meanwhile(shop, LIVE, TEST):
            assert refused(await shop.checkout(), "wrong_mode")
            assert refused(await TossShop.of(shop).create(), "wrong_mode")
            assert refused(await stripe_shop.create(), "wrong_mode")
        made = shop.select("select order_id from token_payments where user_id = %s", shop.buyer.id)
        assert len(made) == 3
        for (order_id,) in made:
            assert await stripe_shop.intents(order_id) == []

    async def test_nor_when_the_mode_was_changed_later(self, stripe_shop: StripeShop) -> None:
        await stripe_shop.create(**AGAIN)
        stripe_shop.select(
            "update token_payments set live = true where user_id = %s returning 1",
            stripe_shop.buyer.id,
        )
        assert refused(await stripe_shop.create(**AGAIN), "wrong_mode")


class TestWhoseTimeIsOver:
    @pytest.mark.parametrize("swept", [False, True])
    async def test_is_not_opened_again(
        self, shop: Shop, stripe_shop: StripeShop, swept: bool
    ) -> None:
        """Also where this server's clock alone says so."""
        for create in (stripe_shop.create, TossShop.of(shop).create, shop.checkout):
            key: dict[str, str] = {"Idempotency-Key": create.__qualname__}
            order_id = (await create(**key)).json()["orderId"]
            shop.select(
                "update token_payments set expires_at = now() where order_id = %s returning 1",
                order_id,
            )
            if swept:
                await shop.rpc("coinslot_run_maintenance")
            assert refused(await create(**key), "payment_expired")


class TestAtAnotherPrice:
    async def test_is_not_what_the_buyer_was_shown(self, shop: Shop) -> None:
        toss = TossShop.of(shop)
        sale: LiteralString = (
            "update token_prices set amount = amount {} 100 where product_id = 'starter'"
        )
        before = await toss.create({"amount": 5000, "orderName": "Starter Pack"}, **AGAIN)
        with meanwhile(shop, sale.replace("{}", "+"), sale.replace("{}", "-")):
            new = {"amount": 5100, "orderName": "Starter Pack"}
            assert refused(await toss.create(new, **AGAIN), "price_changed")
            other = await toss.create(new, **{"Idempotency-Key": "another click"})
            assert other.json()["amount"] == 5100
            by_id = await toss.create(**AGAIN)
        assert by_id.json()["orderId"] == before.json()["orderId"]

    async def test_of_stripe_neither(self, stripe_shop: StripeShop) -> None:
        sale: LiteralString = (
            "update token_prices set amount = amount {} 100 where product_id = 'starter'"
        )
        old = {"amount": 400, "description": "Starter Pack"}
        assert (await stripe_shop.create(old, **AGAIN)).status_code == 200
        with meanwhile(stripe_shop, sale.replace("{}", "+"), sale.replace("{}", "-")):
            new = {**old, "amount": 500}
            assert refused(await stripe_shop.create(new, **AGAIN), "price_changed")


class TestPriceThatTheGatewayRefuses:
    async def test_is_refused_and_keeps_nobody_from_buying(self, stripe_shop: StripeShop) -> None:
        """Twenty open orders are the most that one person may have."""
        body = {"productId": "starter"}
        low: LiteralString = (
            "update token_prices set amount = amount {} 360 "
            "where (product_id, currency) = ('starter', 'USD')"
        )
        with meanwhile(stripe_shop, low.replace("{}", "-"), low.replace("{}", "+")):
            for _ in range(21):
                assert refused(await stripe_shop.create(body), "amount_not_chargeable")
        orders = stripe_shop.select(
            "select order_id, status from token_payments where user_id = %s", stripe_shop.buyer.id
        )
        assert [status for _, status in orders] == ["canceled"] * 21
        reasons = stripe_shop.select(
            "select distinct reason from token_payment_events where user_id = %s "
            "and from_status = to_status",
            stripe_shop.buyer.id,
        )
        assert reasons == [("amount_not_chargeable",)]
        assert (await stripe_shop.create(body)).status_code == 200

    async def test_of_toss_too(self, shop: Shop) -> None:
        low: LiteralString = (
            "update token_prices set amount = amount {} 4950 "
            "where (product_id, currency) = ('starter', 'KRW')"
        )
        with meanwhile(shop, low.replace("{}", "-"), low.replace("{}", "+")):
            answer = await TossShop.of(shop).create({"productId": "starter"})
        assert refused(answer, "amount_not_chargeable")
        query = "select status from token_payments where user_id = %s"
        assert shop.select(query, shop.buyer.id) == [("canceled",)]
