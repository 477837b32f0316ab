"""PortOne V2's answers with fields gone or distorted: nothing is concluded from them."""

from __future__ import annotations

from coinslot.gateways.base import GatewayPayment
from coinslot.gateways.portone.v2.adapter import PortOneV2
from tests.gateways import distortions
from tests.gateways.portone.v2.test_adapter import ID, WAITING, cancellation, sample
from tests.support.portone_v2 import STORE

WIRE = distortions.Wire()
V2 = PortOneV2(
    WIRE.http, api_secret="x", store_id=STORE, channel_key="x", webhook_secrets=(), live=False
)


async def read(answer: distortions.Answer) -> GatewayPayment:
    WIRE.answer = answer
    return await V2.read(ID, None)


PARTLY, WHOLLY = "partial_cancelled", {"status": "CANCELLED", "amount__cancelled": 11000}
TAKEN = [cancellation(11000, trigger="CHARGEBACK")]
GATEWAY = distortions.Gateway(
    samples={
        "declined": sample("failed"),
        "paid": sample("paid"),
        "disputed": sample("paid", disputes=[{"status": "UNRESOLVED", "reason": "?"}]),
        "refund under way": sample("paid", cancellations=[cancellation(status="REQUESTED")]),
        "partly refunded": sample(PARTLY, amount__cancelled=1100),
        "refunded": sample(PARTLY, cancellations=[cancellation(11000)], **WHOLLY),
        "charged back": sample(PARTLY, cancellations=TAKEN, **WHOLLY),
        "waiting": sample(WAITING),
        "never paid": sample(WAITING, cancellations=[cancellation(11000)], **WHOLLY),
    },
    said={
        "declined": ("failed", 0, 0),
        "paid": ("completed", 11000, 0),
        "disputed": ("disputed", 11000, 0),
        "refund under way": ("completed", 11000, 1100),
        "partly refunded": ("partly_refunded", 9900, 0),
        "refunded": ("refunded", 0, 0),
        "charged back": ("charged_back", 0, 0),
        "waiting": ("awaiting_deposit", 0, 0),
        "never paid": ("canceled", 0, 0),
    },
    read=read,
    words=("READY", "PAID", "FAILED", "CANCELLED", "PARTIAL_CANCELLED", "SUCCEEDED", "REQUESTED"),
    alone=("status", "cancellations[].status", "cancellations[].trigger", "disputes[].status"),
    # Who had it canceled tells refunds and chargebacks apart, and moves no token.
    optional=(("refund under way", "cancellations"), ("charged back", "cancellations[].trigger")),
)


def test_samples_say_what_they_say() -> None:
    distortions.check_samples(GATEWAY)


def test_silence_moves_nothing() -> None:
    distortions.check_silence(GATEWAY)


def test_distortion_moves_nothing_that_another_field_denies() -> None:
    distortions.check_distortions(GATEWAY)
