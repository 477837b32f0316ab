"""PortOne V1's answers with fields gone or distorted: nothing is concluded from them."""

from __future__ import annotations

from coinslot.gateways.base import GatewayPayment
from coinslot.gateways.portone.v1.adapter import PortOneV1
from tests.gateways import distortions
from tests.gateways.portone.v1.test_adapter import SAMPLES, UID, sample


def enveloped(path: str, answer: distortions.Answer) -> distortions.Answer:
    if path == "/users/getToken":
        return dict(SAMPLES["getToken_200"])
    return {"code": 0, "message": None, "response": answer}


WIRE = distortions.Wire(enveloped)
V1 = PortOneV1(WIRE.http, key="x", secret="x", live=True)


async def read(answer: distortions.Answer) -> GatewayPayment:
    WIRE.answer = answer
    return await V1.read(None, UID)


GATEWAY = distortions.Gateway(
    samples={
        "opened": sample("payment_failed", status="ready", failed_at=0),
        "declined": SAMPLES["payment_failed"]["response"],
        "paid": SAMPLES["payment_paid"]["response"],
        "partly refunded": SAMPLES["payment_partially_cancelled"]["response"],
        "refunded": SAMPLES["payment_fully_cancelled"]["response"],
        "waiting": SAMPLES["payment_vbank_ready"]["response"],
        "never paid": sample("payment_vbank_ready", status="cancelled", cancel_amount=11000),
    },
    said={
        "opened": ("ready", 0, 0),
        "declined": ("failed", 0, 0),
        "paid": ("completed", 11000, 0),
        "partly refunded": ("partly_refunded", 9900, 0),
        "refunded": ("refunded", 0, 0),
        "waiting": ("awaiting_deposit", 0, 0),
        "never paid": ("canceled", 0, 0),
    },
    read=read,
    words=("ready", "paid", "cancelled", "failed"),
    # The sum is V1's only word on what has gone back, and the status on what is not paid.
    alone=("status", "cancel_amount", "paid_at", "vbank_num"),
    names=("vbank_num",),
)


def test_samples_say_what_they_say() -> None:
    distortions.check_samples(GATEWAY)


def test_silence_moves_nothing() -> None:
    distortions.check_silence(GATEWAY)


def test_distortion_moves_nothing_that_another_field_denies() -> None:
    distortions.check_distortions(GATEWAY)
