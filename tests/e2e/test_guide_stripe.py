"""Every request and answer that the setup guide prints for Stripe, and its test cards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from coinslot.order_ids import ORDER_ID

if TYPE_CHECKING:
    from tests.support.stripe_shop import StripeShop

BODY = {"amount": 1000, "description": "Premium Fortune Reading"}


async def created(shop: StripeShop) -> dict[str, Any]:
    answer = await shop.create(BODY)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_create_payment_intent_answers_what_the_guide_prints(
    stripe_shop: StripeShop,
) -> None:
    """2.4 and part 3, `POST /payment/stripe/create`."""
    body = await created(stripe_shop)
    assert ORDER_ID.fullmatch(body.pop("orderId"))
    assert UUID(body.pop("paymentId")).version == 4
    assert re.fullmatch(r"pi_[A-Za-z0-9]+_secret_[A-Za-z0-9]+", body.pop("clientSecret"))
    assert body.pop("publishableKey").startswith("pk_test_")
    assert body == {"success": True, "amount": 1000, "currency": "USD"}


async def test_confirm_card_payment_in_the_browser(stripe_shop: StripeShop) -> None:
    """2.5: the page has the client secret and nothing else; the intent it pays is the order's."""
    body = await created(stripe_shop)
    [intent] = await stripe_shop.intents(body["orderId"])
    assert intent["client_secret"] == body["clientSecret"]
    await stripe_shop.pay(body["orderId"], webhook="beside")
    await stripe_shop.becomes(body["orderId"], "completed")


@pytest.mark.parametrize(
    ("event", "card", "status"),
    [
        ("payment_intent.succeeded", "4242424242424242", "completed"),
        ("payment_intent.payment_failed", "4000000000000002", "pending"),
    ],
)
async def test_webhook_of_the_events_that_the_guide_selects(
    stripe_shop: StripeShop, event: str, card: str, status: str
) -> None:
    """2.6: those two are enough."""
    order_id = (await created(stripe_shop))["orderId"]
    key = await stripe_shop.pay(order_id, method=card)
    assert await stripe_shop.deliver(key, types=[event]) == [200]
    await stripe_shop.followed(order_id)
    assert stripe_shop.row(order_id)["status"] == status


async def test_card_success_4242(stripe_shop: StripeShop) -> None:
    """4.1."""
    order_id = (await created(stripe_shop))["orderId"]
    await stripe_shop.pay(order_id, method="4242 4242 4242 4242", webhook="beside")
    await stripe_shop.becomes(order_id, "completed")


async def test_card_decline_0002(stripe_shop: StripeShop) -> None:
    """4.1. The order stays open: the buyer takes another card."""
    order_id = (await created(stripe_shop))["orderId"]
    await stripe_shop.pay(order_id, method="4000000000000002", webhook="before")
    await stripe_shop.followed(order_id)
    row = stripe_shop.row(order_id)
    assert (row["status"], row["failure_reason"]) == ("pending", "declined")


async def test_payment_by_order_id(stripe_shop: StripeShop) -> None:
    """Part 3, `GET /payment/:orderId`."""
    body = await created(stripe_shop)
    answer = await stripe_shop.http.get(
        f"{stripe_shop.sidecar}/payment/{body['orderId']}", headers=stripe_shop.jwt
    )
    payment = answer.json()["payment"]
    shown = {name: payment[name] for name in ("id", "order_id", "amount", "currency", "status")}
    assert shown == {
        "id": body["paymentId"],
        "order_id": body["orderId"],
        "amount": 1000,
        "currency": "USD",
        "status": "pending",
    }
    assert payment["payment_method"] == "stripe"


async def test_history_of_the_signed_in_user(stripe_shop: StripeShop) -> None:
    """Part 3, `GET /payment/history/me`."""
    order_id = (await created(stripe_shop))["orderId"]
    url = f"{stripe_shop.sidecar}/payment/history/me"
    history = (await stripe_shop.http.get(url, headers=stripe_shop.jwt)).json()
    assert (history["success"], history["count"]) == (True, 1)
    assert [each["order_id"] for each in history["payments"]] == [order_id]


async def test_stripe_webhook_signature_verification_failed(stripe_shop: StripeShop) -> None:
    """Troubleshooting: STRIPE_WEBHOOK_SECRET here is not the endpoint's at Stripe."""
    order_id = (await created(stripe_shop))["orderId"]
    key = await stripe_shop.pay(order_id)
    sent = await stripe_shop.play("webhook", payment_key=key, secret="whsec_of_another_endpoint")
    [delivery] = sent["deliveries"]
    assert delivery["status"] == 401
    assert "Stripe webhook signature verification failed" in delivery["answer"]
    assert stripe_shop.inbox(order_id) == []
    assert stripe_shop.row(order_id)["status"] == "pending"
