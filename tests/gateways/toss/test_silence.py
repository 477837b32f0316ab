"""Toss's answers with fields gone or distorted: nothing is concluded from them."""

from __future__ import annotations

from typing import Any

import pytest

from coinslot.gateways.base import GatewayPayment
from coinslot.gateways.toss.adapter import Toss
from coinslot.gateways.toss.payment import read_as
from tests.gateways import distortions
from tests.gateways.toss.test_adapter import KEY, SAMPLES, cancels, sample, sent_back

UNDER_WAY = {**SAMPLES["payment_partial_canceled"]["cancels"][0], "cancelStatus": "IN_PROGRESS"}


WIRE = distortions.Wire()
TOSS = Toss(WIRE.http, client_key="test_ck_x", secret_key="test_sk_x", frontend_url="http://x")


async def read(answer: distortions.Answer) -> GatewayPayment:
    WIRE.answer = answer
    return await TOSS.read(None, KEY)


GATEWAY = distortions.Gateway(
    samples={
        "agreed": sample("payment_card_done", status="IN_PROGRESS", approvedAt=None),
        "paid": SAMPLES["payment_card_done"],
        "partly refunded": SAMPLES["payment_partial_canceled"],
        "refund under way": sample("payment_partial_canceled", cancels=[UNDER_WAY]),
        "refunded": SAMPLES["payment_canceled"],
        "waiting": SAMPLES["payment_vbank_waiting"],
        "deposited": SAMPLES["payment_vbank_done"],
        "sent back": sent_back("COMPLETED"),
        "not arrived": sent_back("FAILED"),
        "never paid": sample("payment_vbank_waiting", status="CANCELED", approvedAt=None),
    },
    said={
        "agreed": ("ready", 0, 0),
        "paid": ("completed", 11000, 0),
        "partly refunded": ("partly_refunded", 9900, 0),
        "refund under way": ("completed", 11000, 1100),
        "refunded": ("refunded", 0, 0),
        "waiting": ("awaiting_deposit", 0, 0),
        "deposited": ("completed", 11000, 0),
        "sent back": ("refunded", 0, 0),
        "not arrived": ("partly_refunded", 10000, 10000),
        "never paid": ("canceled", 0, 0),
    },
    read=read,
    words=("READY", "DONE", "CANCELED", "PARTIAL_CANCELED", "ABORTED", "WAITING_FOR_DEPOSIT"),
    alone=("status", "cancels[].cancelStatus", "virtualAccount.refundStatus"),
)


PART, ALL = "payment_partial_canceled", "payment_canceled"
WAITING = SAMPLES["payment_vbank_waiting"]["virtualAccount"]


@pytest.mark.parametrize(
    "payment",
    [
        sample(PART, cancels=None),
        sample(PART, cancels=[]),
        sample(ALL, cancels=None),
        sample("payment_card_done", balanceAmount=9900),
        sample("payment_card_done", balanceAmount=0),
        # More has gone than the cancels tell, or less.
        sample(PART, balanceAmount=9000),
        sample(PART, balanceAmount=10000),
        sample(PART, balanceAmount=11000),
        sample(ALL, cancels=cancels(11000, status="SOMETHING_NEW")),
        sample(ALL, cancels=[{"cancelAmount": 11000}]),
        sample(ALL, cancels=[{"cancelStatus": "DONE"}]),
        sample(ALL, cancels=cancels(11000, status="ABORTED")),
        sample(ALL, balanceAmount=1000),
        *(sample("payment_card_done", status=each) for each in ("IN_PROGRESS", "ABORTED")),
        *(
            sample(each, approvedAt=None)
            for each in ("payment_card_done", "payment_vbank_done", PART)
        ),
        # Only an account can be canceled before anything was paid.
        sample(ALL, approvedAt=None),
        sent_back("COMPLETED", approvedAt=None),
        sent_back("COMPLETED", virtualAccount=None),
        sent_back("SOMETHING_NEW"),
        sent_back("FAILED", cancels=cancels(1000, 10000)),
        sample("payment_vbank_waiting", virtualAccount=None),
        sample("payment_vbank_waiting", virtualAccount={**WAITING, "dueDate": None}),
    ],
)
def test_payment_that_leaves_out_what_decides_concludes_nothing(payment: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_as(payment, live=False)


def test_samples_say_what_they_say() -> None:
    distortions.check_samples(GATEWAY)


def test_silence_moves_nothing() -> None:
    distortions.check_silence(GATEWAY)


def test_distortion_moves_nothing_that_another_field_denies() -> None:
    distortions.check_distortions(GATEWAY)
