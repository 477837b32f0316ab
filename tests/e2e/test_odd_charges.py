"""Charges where a server lacks its keys, and where two browsers subscribe at once."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from coinslot.errors import SecretKeysMissing
from coinslot.services import opened
from tests.e2e.test_subscriptions import FREE, subscriber
from tests.support.checkouts import at_one, only_at
from tests.support.gateways import PORTONE_V1, STRIPE, TOSS
from tests.support.sizes import sized
from tests.support.subscribers import PLAN, PRICE, TOKENS

if TYPE_CHECKING:
    from tests.support.subscribers import Subscriber

__all__ = ["subscriber"]

ANOTHER = f"other:{base64.b64encode(bytes(32)).decode()}"


async def charged_by_a_server_with(subscriber: Subscriber, *keys: str) -> int:
    its = subscriber.checkout.settings().model_copy(
        update={"coinslot_secret_keys": [SecretStr(each) for each in keys]}
    )
    async with opened(its) as services:
        return await services.charges.work_off()


@only_at(*sized((TOSS,), proofs=(TOSS, PORTONE_V1, STRIPE)))
async def test_a_server_without_the_keys_charges_nothing_and_spoils_nothing(
    subscriber: Subscriber,
) -> None:
    """For V2 another sidecar stands in the place of the stack's, and charges."""
    await subscriber.subscribed()
    stack = subscriber.checkout.shop.stack
    with stack.without_its_sidecar():
        subscriber.over()
        # Without any key it does not take on what is due.
        assert await charged_by_a_server_with(subscriber) == 0
        assert subscriber.open_charges() == 0
        assert (await subscriber.shown())["status"] == "active"
        # With another one it cannot open the card: that is ours, and nobody is asked for a card.
        assert await charged_by_a_server_with(subscriber, ANOTHER) == 1
        shown = await subscriber.shown()
        assert (shown["status"], shown["needs"]) == ("past_due", None)
        assert not shown["method"]["broken"]
        assert await subscriber.taken() == [PRICE]
        subscriber.due()
        right = stack.env["COINSLOT_SECRET_KEYS"]
        assert await charged_by_a_server_with(subscriber, ANOTHER, right) == 1
    assert (await subscriber.shown())["status"] == "active"
    assert await subscriber.taken() == [PRICE] * 2
    assert await subscriber.checkout.shop.tokens() == FREE + 2 * TOKENS


@at_one(TOSS)
async def test_nobody_stores_a_card_at_a_server_without_keys(subscriber: Subscriber) -> None:
    checkout = subscriber.checkout
    its = checkout.settings().model_copy(update={"coinslot_secret_keys": []})
    async with opened(its) as services:
        with pytest.raises(SecretKeysMissing):
            await services.methods.begin(checkout.shop.buyer.token, checkout.driver.gateway, "en")


@at_one(TOSS)
async def test_two_browsers_that_subscribe_at_once_are_charged_once(
    subscriber: Subscriber,
) -> None:
    """Each with a card of its own."""
    cards = [await subscriber.store() for _ in range(2)]
    wish = {
        "planId": PLAN,
        "gateway": subscriber.checkout.driver.gateway,
        "currency": "KRW",
        "consent": {"text": "v1"},
    }
    answers = await asyncio.gather(
        *(subscriber.post("subscriptions", **wish, methodId=card) for card in cards * 2)
    )
    assert {answer.status_code for answer in answers} <= {200, 409}
    made = {each.json()["subscription"]["id"] for each in answers if each.status_code == 200}
    [subscriber.id] = made
    await subscriber.checkout.shop.until(lambda: subscriber.paid_cycles() == 1)
    assert await subscriber.taken() == [PRICE]
    assert await subscriber.checkout.shop.tokens() == FREE + TOKENS
