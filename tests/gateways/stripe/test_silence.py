"""Stripe's answers with fields gone or distorted: nothing is concluded from them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import stripe

from coinslot.gateways.stripe.adapter import Stripe
from tests.gateways import distortions
from tests.gateways.stripe.test_payment import CHARGE, DISPUTE, OUT, SAMPLES, SUCCEEDED, sample

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from coinslot.gateways.base import GatewayPayment
    from coinslot.gateways.stripe.client import StripeApi

KEY = SAMPLES["payment_intent_succeeded_object"]["id"]


class Answering:
    """The objects of Stripe's library, made of one answer. A page that is asked for apart is as
    silent as the one that came with the charge."""

    def __init__(self, answer: distortions.Answer) -> None:
        intent = answer.get("intent")
        charge = intent.get("latest_charge") if isinstance(intent, dict) else None
        refunds = charge.get("refunds") if isinstance(charge, dict) else None
        self.v1 = SimpleNamespace(
            payment_intents=SimpleNamespace(retrieve_async=self._of(answer.get("intent"))),
            refunds=SimpleNamespace(list_async=self._of(refunds)),
            disputes=SimpleNamespace(list_async=self._of(answer.get("disputes"))),
        )

    @staticmethod
    def _of(body: object) -> Any:  # noqa: ANN401
        async def answered(*_: object) -> object:
            if not isinstance(body, dict):
                return body
            return stripe.StripeObject.construct_from(body, None)

        return answered

    async def answer(self, call: Awaitable[object], _meaning: object = None) -> object:
        return await call


async def read(answer: distortions.Answer) -> GatewayPayment:
    return await Stripe(cast("StripeApi", Answering(answer)), publishable_key="x").read(None, KEY)


def paid(*refunds: tuple[int, str], **dispute: object) -> distortions.Answer:
    """A payment with its charge, its refunds and the dispute about it."""
    given = [
        {"id": f"re_{number}", "object": "refund", "amount": amount, "status": status}
        for number, (amount, status) in enumerate(refunds)
    ]
    charge = {
        **CHARGE,
        "amount_refunded": sum(amount for amount, _ in refunds),
        "disputed": bool(dispute),
        "refunds": {"object": "list", "data": given, "has_more": False},
    }
    disputes = {"object": "list", "has_more": False, "data": [{**DISPUTE, **dispute}]}
    return {"intent": {**SUCCEEDED, "latest_charge": charge}, "disputes": disputes}


GATEWAY = distortions.Gateway(
    samples={
        "declined": {"intent": sample("event_payment_intent_payment_failed")},
        "processing": {"intent": sample("event_payment_intent_processing")},
        "canceled": {"intent": sample("event_payment_intent_canceled")},
        "paid": paid(),
        "refund under way": paid((1100, "pending")),
        "partly refunded": paid((1100, "succeeded")),
        "refunded": paid((1100, "succeeded"), (9900, "succeeded")),
        "disputed": paid(balance_transactions=[OUT]),
        "lost": paid(status="lost", balance_transactions=[OUT]),
    },
    said={
        "declined": ("ready", 0, 0),
        "processing": ("awaiting_deposit", 0, 0),
        "canceled": ("canceled", 0, 0),
        "paid": ("completed", 11000, 0),
        "refund under way": ("completed", 11000, 1100),
        "partly refunded": ("partly_refunded", 9900, 0),
        "refunded": ("refunded", 0, 0),
        "disputed": ("disputed", 0, 0),
        "lost": ("charged_back", 0, 0),
    },
    read=read,
    words=("succeeded", "pending", "failed", "canceled", "processing", "won", "lost", "prevented"),
    alone=(
        "intent.status",
        "intent.latest_charge.disputed",
        "intent.latest_charge.refunds.data[].status",
        "disputes.data[].status",
        "disputes.data[].amount",
        "disputes.data[].currency",
        "disputes.data[].balance_transactions[].amount",
    ),
)


def test_samples_say_what_they_say() -> None:
    distortions.check_samples(GATEWAY)


def test_silence_moves_nothing() -> None:
    distortions.check_silence(GATEWAY)


def test_distortion_moves_nothing_that_another_field_denies() -> None:
    distortions.check_distortions(GATEWAY)
