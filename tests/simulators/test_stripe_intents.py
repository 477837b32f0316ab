"""PaymentIntents of the Stripe simulator: declines, 3-D Secure, lists, expansion, forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.stripes import ORDER, SECRET_KEY

if TYPE_CHECKING:
    from tests.support.stripes import SimulatedStripe


class TestPaymentIntent:
    async def test_decline_leaves_it_open_for_another_card(
        self, stripe_sim: SimulatedStripe
    ) -> None:
        key = await stripe_sim.paid(method="4000000000000002")
        intents = stripe_sim.client.v1.payment_intents
        declined = await intents.retrieve_async(key)
        assert declined.status == "requires_payment_method"
        assert declined.last_payment_error is not None
        assert declined.last_payment_error.decline_code == "generic_decline"
        paid = await intents.confirm_async(key, {"payment_method": "pm_card_visa"})
        assert (paid.status, paid.amount_received, paid.last_payment_error) == (
            "succeeded",
            1000,
            None,
        )

    @pytest.mark.parametrize(
        ("outcome", "status"), [("paid", "succeeded"), ("failed", "requires_payment_method")]
    )
    async def test_bank_wants_to_see_the_buyer(
        self, stripe_sim: SimulatedStripe, outcome: str, status: str
    ) -> None:
        key = await stripe_sim.paid(method="4000000000003220")
        intents = stripe_sim.client.v1.payment_intents
        asked = await intents.retrieve_async(key)
        assert asked.status == "requires_action"
        assert asked.next_action is not None
        assert asked.next_action.type == "use_stripe_sdk"
        await stripe_sim.pay(payment_intent=key, outcome=outcome)
        assert (await intents.retrieve_async(key)).status == status

    async def test_is_listed_and_changed(self, stripe_sim: SimulatedStripe) -> None:
        made = [(await stripe_sim.intent()).id for _ in range(3)]
        intents = stripe_sim.client.v1.payment_intents
        changed = await intents.update_async(made[0], {"metadata": {"a": "b"}, "amount": 2000})
        assert (changed.amount, changed.metadata["a"]) == (2000, "b")
        assert changed.metadata["order_id"] == ORDER.order_id
        first = await intents.list_async({"limit": 2})
        assert ([each.id for each in first.data], first.has_more) == (made[:0:-1], True)
        rest = await intents.list_async({"limit": 2, "starting_after": made[1]})
        assert ([each.id for each in rest.data], rest.has_more) == (made[:1], False)

    async def test_expands_charge_and_refunds(self, stripe_sim: SimulatedStripe) -> None:
        key = await stripe_sim.paid()
        await stripe_sim.control("POST", "refund", payment_key=key, amount=100)
        intent = await stripe_sim.client.v1.payment_intents.retrieve_async(
            key, {"expand": ["latest_charge.refunds"]}
        )
        charge: Any = intent.latest_charge
        assert (charge.amount_refunded, charge.refunded) == (100, False)
        assert [each.amount for each in charge.refunds.data] == [100]
        plain = await stripe_sim.client.v1.charges.retrieve_async(charge.id)
        assert "refunds" not in plain.to_dict()

    async def test_form_with_brackets_of_every_kind(self, stripe_sim: SimulatedStripe) -> None:
        body = "amount=500&currency=usd&metadata[a][b]=&metadata[c]=1&expand[]=latest_charge"
        answer = await stripe_sim.http.post(
            f"{stripe_sim.url}/v1/payment_intents",
            content=body,
            headers={
                "Authorization": f"Bearer {SECRET_KEY}",
                "Content-Type": "application/x-www-form-urlencoded",
                "Stripe-Version": "2020-01-01",
            },
        )
        assert answer.json()["metadata"] == {"a": {"b": ""}, "c": "1"}
        assert answer.headers["stripe-version"] == "2020-01-01"
        assert answer.headers["request-id"].startswith("req_")
