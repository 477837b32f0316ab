"""Buying tokens through Stripe, against the running stack."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.stripe_shop import StripeShop


class TestCreate:
    @pytest.mark.parametrize(
        ("body", "amount", "currency"),
        [
            ({"amount": 1000, "description": "Premium Fortune Reading"}, 1000, "USD"),
            ({"amount": "1000", "description": "사주팔자 프리미엄 해석"}, 1000, "USD"),
            ({"amount": 400.0, "description": "Starter Pack"}, 400, "USD"),
            ({"amount": 12000, "description": "Standard Pack", "currency": "krw"}, 12000, "KRW"),
            ({"productId": "premium"}, 2800, "USD"),
            ({"productId": "premium", "currency": "KRW"}, 35000, "KRW"),
        ],
    )
    async def test_amount_is_the_catalogues(
        self, stripe_shop: StripeShop, body: dict[str, Any], amount: int, currency: str
    ) -> None:
        answer = (await stripe_shop.create(body)).json()
        assert (answer["amount"], answer["currency"]) == (amount, currency)
        [intent] = await stripe_shop.intents(answer["orderId"])
        assert (intent["amount"], intent["currency"]) == (amount, currency.lower())

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"amount": 999, "description": "Premium Fortune Reading"}, "amount_mismatch"),
            ({"amount": 1, "description": "Starter Pack"}, "amount_mismatch"),
            ({"amount": 5000, "description": "Starter Pack"}, "amount_mismatch"),
            ({"amount": 1000, "description": "Starter"}, "invalid_package"),
            ({"amount": 1000, "description": ""}, "invalid_package"),
            (
                {"amount": 400, "description": "Starter Pack", "currency": "EUR"},
                "invalid_package",
            ),
            ({"productId": "starter", "currency": "EUR"}, "invalid_argument"),
            ({"productId": "starter", "currency": "dollars"}, "invalid_request"),
            ({"productId": "nothing"}, "invalid_package"),
            ({"productId": "../starter"}, "invalid_package"),
            (
                {"productId": "premium", "amount": 400, "description": "Starter Pack"},
                "invalid_request",
            ),
            ({"amount": 1000}, "invalid_request"),
            ({"description": "Starter Pack"}, "invalid_request"),
            ({"productId": "starter", "amount": 400}, "invalid_request"),
            ({"amount": "10.00", "description": "Premium Fortune Reading"}, "invalid_request"),
            ({"amount": 10.5, "description": "Premium Fortune Reading"}, "invalid_request"),
            ({"amount": True, "description": "Premium Fortune Reading"}, "invalid_request"),
            ({"amount": None, "description": None}, "invalid_request"),
            ([], "invalid_request"),
        ],
    )
    async def test_anything_else_is_refused(
        self,
        stripe_shop: StripeShop,
        body: object,
        code: str,
    ) -> None:
        count = "select count(*) from token_payments where user_id = %s"
        answer = await stripe_shop.http.post(
            f"{stripe_shop.sidecar}/payment/stripe/create", json=body, headers=stripe_shop.jwt
        )
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert stripe_shop.select(count, stripe_shop.buyer.id) == [(0,)]

    async def test_wants_to_know_who_buys(self, stripe_shop: StripeShop) -> None:
        for headers in ({"Authorization": ""}, {"Authorization": "Bearer forged"}):
            assert (await stripe_shop.create(**headers)).status_code == 401

    async def test_payment_intent_is_known_at_once(self, stripe_shop: StripeShop) -> None:
        order_id = await stripe_shop.order()
        [intent] = await stripe_shop.intents(order_id)
        known = stripe_shop.select(
            "select a.payment_key, a.state from coinslot.payment_attempts a "
            "join token_payments p on p.id = a.payment_id where p.order_id = %s",
            order_id,
        )
        assert known == [(intent["id"], "ready")]

    async def test_repeated_click_gives_the_same_payment_intent(
        self, stripe_shop: StripeShop
    ) -> None:
        headers = {"Idempotency-Key": "one click"}
        answers = await asyncio.gather(*(stripe_shop.create(**headers) for _ in range(4)))
        bodies = [answer.json() for answer in answers]
        assert [answer.status_code for answer in answers] == [200] * 4
        assert all(body == bodies[0] for body in bodies)
        assert len(await stripe_shop.intents(bodies[0]["orderId"])) == 1

    async def test_click_repeated_after_paying_opens_nothing(self, stripe_shop: StripeShop) -> None:
        headers = {"Idempotency-Key": "paid click"}
        order_id = (await stripe_shop.create(**headers)).json()["orderId"]
        await stripe_shop.pay(order_id, webhook="beside")
        await stripe_shop.becomes(order_id, "completed")
        again = await stripe_shop.create(**headers)
        assert (again.status_code, again.json()["code"]) == (400, "payment_completed")
        assert "clientSecret" not in again.json()

    async def test_click_repeated_while_the_webhook_comes_undoes_nothing(
        self, stripe_shop: StripeShop
    ) -> None:
        """The repeated click may have read the intent before the webhook changed it."""
        headers = {"Idempotency-Key": "racing click"}
        order_id = (await stripe_shop.create(**headers)).json()["orderId"]
        key = await stripe_shop.pay(order_id)
        delivered, clicks = await asyncio.gather(
            stripe_shop.deliver(key, times=5),
            asyncio.gather(*(stripe_shop.create(**headers) for _ in range(10))),
        )
        assert delivered == [200] * 5
        assert {answer.status_code for answer in clicks} <= {200, 400}
        await stripe_shop.becomes(order_id, "completed")
        assert (await stripe_shop.tokens(), stripe_shop.purchases()) == (15, 1)

    async def test_client_secret_is_shown_nowhere_else(self, stripe_shop: StripeShop) -> None:
        order_id, _ = await stripe_shop.bought()
        pages = [f"payment/{order_id}", "payment/history/me"]
        for page in pages:
            url = f"{stripe_shop.sidecar}/{page}"
            assert "_secret_" not in (await stripe_shop.http.get(url, headers=stripe_shop.jwt)).text
        stored = stripe_shop.select(
            "select w.body::text || w.headers::text from coinslot.webhooks w where order_id = %s",
            order_id,
        )
        assert stored
        assert "_secret_" not in str(stored)


class TestPaying:
    async def test_webhook_alone_credits(self, stripe_shop: StripeShop) -> None:
        order_id, key = await stripe_shop.bought()
        row = stripe_shop.row(order_id)
        assert (row["payment_key"], row["method"], row["paid"]) == (key, "card", 400)
        assert (await stripe_shop.tokens(), stripe_shop.purchases()) == (15, 1)

    async def test_webhook_before_the_browser_returns(self, stripe_shop: StripeShop) -> None:
        order_id = await stripe_shop.order()
        await stripe_shop.pay(order_id, webhook="before")
        await stripe_shop.becomes(order_id, "completed")
        assert await stripe_shop.tokens() == 15

    async def test_one_off_is_bought_without_tokens(self, stripe_shop: StripeShop) -> None:
        order_id, _ = await stripe_shop.bought("premium_reading")
        assert (stripe_shop.row(order_id)["status"], await stripe_shop.tokens()) == ("completed", 5)

    async def test_declined_card_then_a_good_one_on_the_same_intent(
        self, stripe_shop: StripeShop
    ) -> None:
        order_id = await stripe_shop.order()
        declined = await stripe_shop.pay(order_id, method="4000000000009995", webhook="before")
        await stripe_shop.followed(order_id)
        row = stripe_shop.row(order_id)
        assert (row["status"], row["failure_reason"]) == (
            "pending",
            "limit_or_balance",
        )
        assert await stripe_shop.pay(order_id, webhook="beside") == declined
        await stripe_shop.becomes(order_id, "completed")
        assert stripe_shop.row(order_id)["failure_reason"] is None
        assert await stripe_shop.tokens() == 15

    @pytest.mark.parametrize(
        ("outcome", "status", "tokens"), [("paid", "completed", 15), ("failed", "pending", 5)]
    )
    async def test_3d_secure(
        self, stripe_shop: StripeShop, outcome: str, status: str, tokens: int
    ) -> None:
        order_id = await stripe_shop.order()
        await stripe_shop.pay(order_id, method="4000000000003220", webhook="before")
        await stripe_shop.followed(order_id)
        assert stripe_shop.row(order_id)["status"] == "pending"
        await stripe_shop.pay(order_id, outcome=outcome, webhook="before")
        await stripe_shop.followed(order_id)
        assert (stripe_shop.row(order_id)["status"], await stripe_shop.tokens()) == (status, tokens)

    async def test_method_that_takes_days(self, stripe_shop: StripeShop) -> None:
        order_id = await stripe_shop.order()
        key = await stripe_shop.pay(order_id, outcome="awaiting_deposit", webhook="before")
        await stripe_shop.followed(order_id)
        assert stripe_shop.row(order_id)["status"] == "awaiting_deposit"
        stripe_shop.select(
            "update token_payments set expires_at = now() where order_id = %s returning 1", order_id
        )
        await stripe_shop.rpc("coinslot_run_maintenance")
        assert stripe_shop.row(order_id)["status"] == "awaiting_deposit"
        await stripe_shop.play("deposit", payment_key=key)
        await stripe_shop.becomes(order_id, "completed")

    async def test_order_that_expired_is_credited_when_it_is_paid_after_all(
        self, stripe_shop: StripeShop
    ) -> None:
        order_id = await stripe_shop.order()
        stripe_shop.select(
            "update token_payments set expires_at = now() where order_id = %s returning 1", order_id
        )
        await stripe_shop.rpc("coinslot_run_maintenance")
        assert stripe_shop.row(order_id)["status"] == "expired"
        await stripe_shop.pay(order_id, webhook="beside")
        await stripe_shop.becomes(order_id, "completed")
        assert await stripe_shop.tokens() == 15


class TestAfterwards:
    async def test_refunds_at_the_console_take_tokens_back(self, stripe_shop: StripeShop) -> None:
        order_id, key = await stripe_shop.bought()
        await stripe_shop.play("refund", payment_key=key, amount=100)
        await stripe_shop.becomes(order_id, "partially_refunded")
        assert await stripe_shop.tokens() == 5 + 8
        await stripe_shop.play("refund", payment_key=key)
        await stripe_shop.becomes(order_id, "refunded")
        assert await stripe_shop.tokens() == 5

    async def test_refund_that_fails_gives_them_back(self, stripe_shop: StripeShop) -> None:
        order_id = await stripe_shop.order()
        key = await stripe_shop.pay(order_id, method="pm_card_pendingRefund", webhook="beside")
        await stripe_shop.becomes(order_id, "completed")
        await stripe_shop.play("refund", payment_key=key)
        await stripe_shop.play("refund_status", payment_key=key, status="succeeded")
        await stripe_shop.becomes(order_id, "refunded")
        # A bank may send back what has arrived.
        await stripe_shop.play("refund_status", payment_key=key, status="failed")
        await stripe_shop.becomes(order_id, "completed")
        assert await stripe_shop.tokens() == 15

    @pytest.mark.parametrize(
        ("end", "status", "tokens"), [("won", "completed", 15), ("lost", "charged_back", 5)]
    )
    async def test_dispute_holds_tokens_until_it_ends(
        self, stripe_shop: StripeShop, end: str, status: str, tokens: int
    ) -> None:
        order_id, key = await stripe_shop.bought()
        await stripe_shop.play("dispute", payment_key=key, status="needs_response")
        await stripe_shop.becomes(order_id, "disputed")
        await stripe_shop.followed(order_id)
        row = stripe_shop.row(order_id)
        assert (row["disputed"], row["withdrawn"], await stripe_shop.tokens()) == (400, 400, 5)
        await stripe_shop.play("dispute", payment_key=key, status=end)
        await stripe_shop.becomes(order_id, status)
        assert await stripe_shop.tokens() == tokens

    async def test_inquiry_takes_nothing(self, stripe_shop: StripeShop) -> None:
        order_id, key = await stripe_shop.bought()
        await stripe_shop.play("dispute", payment_key=key, status="warning_needs_response")
        await stripe_shop.becomes(order_id, "disputed")
        assert await stripe_shop.tokens() == 15
        await stripe_shop.play("dispute", payment_key=key, status="warning_closed")
        await stripe_shop.becomes(order_id, "completed")

    async def test_card_that_is_disputed_at_once(self, stripe_shop: StripeShop) -> None:
        order_id = await stripe_shop.order()
        await stripe_shop.pay(order_id, method="4000000000000259", webhook="beside")
        await stripe_shop.becomes(order_id, "disputed")
        assert await stripe_shop.tokens() == 5


class TestOutages:
    async def test_answer_lost_after_create_makes_no_second_intent(
        self, stripe_shop: StripeShop
    ) -> None:
        headers = {"Idempotency-Key": "lost"}
        async with stripe_shop.fault("drop_after", path="/v1/payment_intents"):
            lost = await stripe_shop.create(**headers)
        assert lost.status_code == 502
        answer = await stripe_shop.create(**headers)
        [intent] = await stripe_shop.intents(answer.json()["orderId"])
        assert answer.json()["clientSecret"] == intent["client_secret"]

    async def test_library_tries_once_more_by_itself(self, stripe_shop: StripeShop) -> None:
        async with stripe_shop.fault("drop_after", next=1, path="/v1/payment_intents"):
            answer = await stripe_shop.create()
        assert answer.status_code == 200
        assert len(await stripe_shop.intents(answer.json()["orderId"])) == 1

    async def test_gateway_that_is_down_sells_nothing(self, stripe_shop: StripeShop) -> None:
        async with stripe_shop.fault("error_before"):
            answer = await stripe_shop.create()
        assert (answer.status_code, answer.json()["code"]) == (502, "gateway_unavailable")
        assert (await stripe_shop.create()).status_code == 200

    async def test_webhook_while_it_is_down_is_read_later(self, stripe_shop: StripeShop) -> None:
        order_id = await stripe_shop.order()
        key = await stripe_shop.pay(order_id)
        async with stripe_shop.fault("error_before", path="/v1/payment_intents/"):
            assert await stripe_shop.deliver(key) == [200]
            await stripe_shop.until(lambda: stripe_shop.inbox(order_id) == [("failed", True)])
        await stripe_shop.becomes(order_id, "completed")
        assert (await stripe_shop.tokens(), stripe_shop.purchases()) == (15, 1)
