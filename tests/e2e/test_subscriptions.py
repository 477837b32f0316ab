"""Subscriptions at every gateway: each period is charged once and given once, whatever is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio
from pydantic import SecretStr

from coinslot.services import opened
from tests.support.checkouts import only_at
from tests.support.gateways import PORTONE_V2, STRIPE, TOSS
from tests.support.subscribers import CHARGE_PATHS, PRICE, TOKENS, Subscriber

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.checkouts import Checkout

FREE = 5


@pytest_asyncio.fixture
async def subscriber(checkout: Checkout) -> AsyncIterator[Subscriber]:
    subscriber = Subscriber(checkout)
    await subscriber.prepare()
    yield subscriber
    await checkout.fail(None)


async def test_each_period_is_charged_and_given_once(subscriber: Subscriber) -> None:
    await subscriber.subscribed()
    for _ in range(2):
        subscriber.over()
        assert (await subscriber.charged())["status"] == "active"
    assert await subscriber.taken() == [PRICE] * 3
    assert subscriber.paid_cycles() == 3
    assert await subscriber.checkout.shop.tokens() == FREE + 3 * TOKENS


async def test_a_trial_is_charged_at_its_end_where_that_was_agreed_to(
    subscriber: Subscriber,
) -> None:
    shop = subscriber.checkout.shop
    with shop.stack.connect() as connection:
        connection.execute(
            "select public.coinslot_set_plan('plus', trial_days => 14, trial_tokens => 30)"
        )
    try:
        shown = await subscriber.subscribe(await subscriber.store(), trial="asked")
    finally:
        with shop.stack.connect() as connection:
            connection.execute("select public.coinslot_set_plan('plus', trial_days => 0)")
    assert (shown["status"], shown["next_charge_at"]) == ("trialing", None)
    assert await shop.tokens() == FREE + 30
    assert await subscriber.taken() == []
    known = shop.select(
        "select card_hash is not null from coinslot.billing_keys where user_id = %s", shop.buyer.id
    )
    assert known == [(subscriber.checkout.driver.name == STRIPE.name,)]
    answer = {"subscription_id": subscriber.id, "agrees": True, "amount": PRICE}
    await shop.rpc("answer_token_price", shop.buyer, **answer)
    subscriber.tried()
    assert (await subscriber.charged())["status"] == "active"
    assert await subscriber.taken() == [PRICE]
    assert subscriber.paid_cycles() == 1


async def test_a_declined_charge_is_made_again_and_paid_once(subscriber: Subscriber) -> None:
    await subscriber.subscribed()
    await subscriber.plan("soft")
    subscriber.over()
    shown = await subscriber.charged()
    assert (shown["status"], shown["needs"]) == ("past_due", None)
    subscriber.due()
    assert (await subscriber.charged())["status"] == "active"
    assert await subscriber.taken() == [PRICE] * 2
    assert await subscriber.checkout.shop.tokens() == FREE + 2 * TOKENS


async def test_a_card_that_is_refused_for_good_waits_for_another(subscriber: Subscriber) -> None:
    await subscriber.subscribed()
    await subscriber.plan("hard", "hard")
    subscriber.over()
    shown = await subscriber.charged()
    assert (shown["status"], shown["needs"]) == ("past_due", "method")
    shop = subscriber.checkout.shop
    await shop.rpc(
        "set_token_subscription_method",
        shop.buyer,
        subscription_id=subscriber.id,
        method_id=await subscriber.store(),
    )
    assert (await subscriber.charged())["status"] == "active"
    assert await subscriber.taken() == [PRICE] * 2


async def test_a_charge_whose_answer_is_lost_is_found_and_not_made_again(
    subscriber: Subscriber,
) -> None:
    await subscriber.subscribed()
    path = CHARGE_PATHS[subscriber.checkout.driver.name]
    await subscriber.checkout.fail("drop_after", next=1, path=path)
    subscriber.over()
    await subscriber.charged(answered=False)
    subscriber.unanswered()
    await subscriber.post(f"subscriptions/{subscriber.id}/charge")
    await subscriber.checkout.shop.until(lambda: subscriber.paid_cycles() == 2)
    assert await subscriber.taken() == [PRICE] * 2
    assert subscriber.open_charges() == 0
    assert await subscriber.checkout.shop.tokens() == FREE + 2 * TOKENS


async def test_a_charge_that_never_arrived_is_made_under_its_own_id(
    subscriber: Subscriber,
) -> None:
    await subscriber.subscribed()
    path = CHARGE_PATHS[subscriber.checkout.driver.name]
    await subscriber.checkout.fail("error_before", next=2, path=path)
    subscriber.over()
    await subscriber.charged(answered=False)
    for _ in range(3):
        subscriber.unanswered()
        await subscriber.post(f"subscriptions/{subscriber.id}/charge")
    await subscriber.checkout.shop.until(lambda: subscriber.paid_cycles() == 2)
    assert await subscriber.taken() == [PRICE] * 2


async def test_a_charge_that_never_arrived_is_not_made_once_its_owner_has_left(
    subscriber: Subscriber,
) -> None:
    await subscriber.subscribed()
    path = CHARGE_PATHS[subscriber.checkout.driver.name]
    await subscriber.checkout.fail("error_before", next=20, path=path)
    subscriber.over()
    await subscriber.charged(answered=False)
    assert subscriber.open_charges() == 1
    shop = subscriber.checkout.shop
    await shop.rpc("cancel_token_subscription", shop.buyer, subscription_id=subscriber.id)
    await subscriber.checkout.fail(None)
    subscriber.unanswered()
    await subscriber.post(f"subscriptions/{subscriber.id}/charge")
    await shop.until(lambda: not subscriber.open_charges())
    assert (await subscriber.shown())["status"] == "ended"
    assert await subscriber.taken() == [PRICE]


async def test_a_card_that_was_removed_at_its_gateway_is_charged_no_more(
    subscriber: Subscriber,
) -> None:
    await subscriber.subscribed()
    await subscriber.checkout.shop.play(f"cards/{subscriber.card}", "DELETE")
    subscriber.over()
    shown = await subscriber.charged()
    assert (shown["status"], shown["needs"]) == ("past_due", "method")
    assert shown["method"]["broken"]
    assert await subscriber.taken() == [PRICE]


async def test_a_charge_of_nothing_ends_no_subscription_but_gives_nothing(
    subscriber: Subscriber,
) -> None:
    method = await subscriber.store()
    await subscriber.plan("hard")
    shown = await subscriber.subscribe(method)
    assert (shown["status"], shown["needs"]) == ("incomplete", "method")
    assert await subscriber.taken() == []
    assert await subscriber.checkout.shop.tokens() == FREE


async def test_what_a_page_says_stores_no_card(subscriber: Subscriber) -> None:
    """It was closed, or it is a card that somebody else has stored."""
    method, name = await subscriber.begin()
    refused = await subscriber.post(f"methods/{method}/stored", carried={})
    assert (refused.status_code, refused.json()["code"]) == (400, "method_not_stored")
    shop = subscriber.checkout.shop
    carried = await shop.play("register", customer=name, outcome="failed")
    refused = await subscriber.post(f"methods/{method}/stored", carried=carried)
    assert (refused.status_code, refused.json()["code"]) == (400, "method_not_stored")


# At PortOne V1 nothing that the page carries names a card.
@only_at(TOSS, STRIPE, PORTONE_V2)
async def test_nobody_stores_the_card_of_another_person(subscriber: Subscriber) -> None:
    _, theirs = await subscriber.begin()
    carried = await subscriber.checkout.shop.play("register", customer=theirs)
    mine, _ = await subscriber.begin()
    refused = await subscriber.post(f"methods/{mine}/stored", carried=carried)
    assert (refused.status_code, refused.json()["code"]) == (400, "method_not_stored")


async def test_a_dearer_plan_is_paid_for_the_rest_of_the_period(subscriber: Subscriber) -> None:
    await subscriber.subscribed()
    shop = subscriber.checkout.shop
    with shop.stack.connect() as connection:
        connection.execute(
            "select public.coinslot_set_plan('pro', 'month', 'Pro', 'Pro', 1000, "
            """'{"KRW": 24900}'::jsonb)"""
        )
    arguments = {"subscription_id": subscriber.id, "plan_id": "pro"}
    quote = await shop.rpc("quote_token_plan", shop.buyer, **arguments)
    assert quote["at_once"]
    await shop.rpc("upgrade_token_plan", shop.buyer, **arguments)
    await subscriber.post(f"subscriptions/{subscriber.id}/charge")
    await shop.until(lambda: not subscriber.open_charges())
    shown = await subscriber.shown()
    assert (shown["plan_id"], shown["amount"]) == ("pro", 24900)
    first, second = await subscriber.taken()
    assert (first, 0 < second <= quote["amount"]) == (PRICE, True)
    assert TOKENS < await shop.tokens() - FREE <= TOKENS + quote["tokens"]


async def test_a_pack_is_bought_by_itself_when_little_is_left(subscriber: Subscriber) -> None:
    method = await subscriber.store()
    shop = subscriber.checkout.shop
    gateway = subscriber.checkout.driver.gateway
    await shop.rpc("coinslot_set_unattended", gateway=gateway, unattended="at_will")
    wish = {
        "product_id": "starter",
        "gateway": gateway,
        "currency": "KRW",
        "method_id": method,
        "threshold": FREE + 1,
        "monthly_cap": 5000,
    }
    assert (await shop.rpc("set_token_top_up", shop.buyer, **wish))["status"] == "on"
    bought = "select count(*) from token_ledger where user_id = %s and kind = 'purchase'"
    await shop.until(lambda: shop.select(bought, shop.buyer.id)[0][0] == 1, 120)
    assert await subscriber.taken() == [5000]
    shown = await shop.rpc("get_token_top_up", shop.buyer)
    assert (shown["spent"], shown["times"]) == (5000, 1)
    await shop.rpc("stop_token_top_up", shop.buyer)


async def test_a_removed_card_is_forgotten_at_its_gateway(subscriber: Subscriber) -> None:
    method = await subscriber.store()
    shop = subscriber.checkout.shop
    removed = await shop.http.post(
        f"{shop.stack.api_url}/rest/v1/rpc/remove_token_method",
        json={"method_id": method},
        headers=shop.stack.headers(shop.buyer),
    )
    assert removed.status_code == 204
    # As the maintenance does each minute.
    its = subscriber.checkout.settings()
    keys = [*its.coinslot_secret_keys, SecretStr(shop.stack.env["COINSLOT_SECRET_KEYS"])]
    async with opened(its.model_copy(update={"coinslot_secret_keys": keys})) as services:
        await services.methods.forget()
    left = "select sealed is null and forget_at is null from coinslot.billing_keys where id = %s"
    await shop.until(lambda: shop.select(left, method)[0][0])
    assert await shop.rpc("list_token_methods", shop.buyer) == []


# Only there a bank asks for it after a charge.
@only_at(STRIPE)
async def test_a_bank_that_wants_its_customer_is_given_them(subscriber: Subscriber) -> None:
    await subscriber.subscribed()
    await subscriber.plan("auth")
    subscriber.over()
    shown = await subscriber.charged()
    assert (shown["status"], shown["needs"]) == ("past_due", "authentication")
    asked = (await subscriber.post(f"subscriptions/{subscriber.id}/authenticate")).json()
    shop = subscriber.checkout.shop
    key = asked["browser"]["clientSecret"].partition("_secret_")[0]
    await shop.play("pay", order_id=asked["order_id"], payment_intent=key, webhook="before")
    await shop.until(lambda: subscriber.paid_cycles() == 2)
    assert (await subscriber.shown())["status"] == "active"
    assert await subscriber.taken() == [PRICE] * 2


# Only there an idempotency key repeats it for days.
@only_at(TOSS)
async def test_an_error_that_the_gateway_keeps_is_got_past(subscriber: Subscriber) -> None:
    await subscriber.subscribed()
    await subscriber.plan("unknown")
    subscriber.over()
    await subscriber.charged(answered=False)
    assert subscriber.open_charges() == 1
    subscriber.unanswered()
    await subscriber.post(f"subscriptions/{subscriber.id}/charge")
    await subscriber.checkout.shop.until(lambda: subscriber.paid_cycles() == 2)
    assert await subscriber.taken() == [PRICE] * 2


async def test_without_a_key_nobody_types_a_card(checkout: Checkout) -> None:
    unknown = await checkout.shop.http.post(f"{checkout.shop.sidecar}/billing/methods", json={})
    assert unknown.status_code in {400, 401}
