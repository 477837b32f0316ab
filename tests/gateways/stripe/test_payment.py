"""A PaymentIntent with its charge, refunds and disputes, read as one fact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coinslot.gateways.base import GatewayPayment
from coinslot.gateways.stripe.dispute import Dispute
from coinslot.gateways.stripe.payment import Intent, Refund, fact

SAMPLES = json.loads((Path(__file__).parent / "samples.json").read_text())
CHARGE = {**SAMPLES["event_charge_refunded"]["data"]["object"], "amount_refunded": 0}
SUCCEEDED = {**SAMPLES["payment_intent_succeeded_object"], "latest_charge": CHARGE}
DISPUTE = SAMPLES["event_charge_dispute_created"]["data"]["object"]
OUT, BACK = {"amount": -800}, {"amount": 800}


def read(
    intent: dict[str, Any],
    refunds: tuple[dict[str, Any], ...] = (),
    disputes: tuple[dict[str, Any], ...] = (),
) -> GatewayPayment:
    return fact(
        Intent.model_validate(intent),
        [Refund.model_validate(each) for each in refunds],
        [Dispute.model_validate(each) for each in disputes],
    )


def expected(**changes: Any) -> GatewayPayment:  # noqa: ANN401
    return GatewayPayment(
        **{
            "order_id": "topup_01HZX3",
            "payment_key": "pi_3SAMPLE0001",
            "state": "paid",
            "amount": 11000,
            "currency": "KRW",
            "live": False,
            "paid": 11000,
            **changes,
        }
    )


def sample(event: str) -> dict[str, Any]:
    return dict(SAMPLES[event]["data"]["object"])


@pytest.mark.parametrize(
    ("intent", "fields"),
    [
        (SUCCEEDED, {}),
        ({**SUCCEEDED, "livemode": True}, {"live": True}),
        (
            sample("event_payment_intent_payment_failed"),
            {"state": "ready", "paid": 0, "failure_reason": "limit_or_balance"},
        ),
        (
            sample("event_payment_intent_processing"),
            {"state": "awaiting_deposit", "paid": 0},
        ),
        (sample("event_payment_intent_requires_action"), {"state": "ready", "paid": 0}),
        (sample("event_payment_intent_canceled"), {"state": "canceled", "paid": 0}),
        (
            {**SUCCEEDED, "status": "requires_capture", "amount_received": 0},
            {"state": "ready", "paid": 0},
        ),
        ({**SUCCEEDED, "new": {}}, {}),
        ({**SUCCEEDED, "amount_received": 10000}, {"paid": 10000}),
        ({**SUCCEEDED, "metadata": {}}, {"order_id": ""}),
        (
            {**SUCCEEDED, "currency": "isk", "amount_received": 1100000, "amount": 1100000},
            {"currency": "ISK"},
        ),
        ({**SUCCEEDED, "currency": "kwd"}, {"currency": "KWD"}),
        (
            {**SUCCEEDED, "last_payment_error": {"code": "card_declined", "message": "No"}},
            {"failure_reason": None},
        ),
        (
            {
                **sample("event_payment_intent_canceled"),
                "last_payment_error": {"code": "a\x00b\ud800"},
            },
            {"state": "canceled", "paid": 0, "failure_reason": "declined"},
        ),
        (
            {
                **SUCCEEDED,
                "latest_charge": {
                    **CHARGE,
                    "payment_method_details": {"type": "card"},
                },
            },
            {"method": "card"},
        ),
    ],
)
def test_is_read_as(intent: dict[str, Any], fields: dict[str, Any]) -> None:
    assert read(intent) == expected(**fields)


def test_a_card_has_a_fingerprint_that_nothing_shows() -> None:
    card = {"type": "card", "card": {"fingerprint": "Xt5EWLLDS7FJjR1c"}}
    charge = {**CHARGE, "payment_method_details": card}
    known = read({**SUCCEEDED, "latest_charge": charge})
    assert known.fingerprint == "Xt5EWLLDS7FJjR1c"
    assert "Xt5EWLLDS7FJjR1c" not in repr(known)
    assert "fingerprint" not in known.arguments()


def refund(amount: int, status: str) -> dict[str, Any]:
    return {"id": "re_1", "amount": amount, "status": status}


@pytest.mark.parametrize(
    ("amount_refunded", "refunds", "refunded", "refunding"),
    [
        (1100, (refund(1100, "succeeded"),), 1100, 0),
        # On its way until it has arrived, whether Stripe counts it as refunded or not.
        (1100, (refund(1100, "pending"),), 0, 1100),
        (0, (refund(1100, "pending"),), 0, 1100),
        (1100, (refund(1100, "requires_action"),), 0, 1100),
        (1500, (refund(500, "succeeded"), refund(1000, "pending")), 500, 1000),
        (11000, (refund(1000, "succeeded"), refund(10000, "succeeded")), 11000, 0),
        # A refund that failed does not count, whether Stripe lowers amount_refunded for it or not.
        (1100, (refund(1100, "failed"),), 0, 0),
        (0, (refund(1100, "failed"),), 0, 0),
        (2100, (refund(1100, "failed"), refund(1000, "succeeded")), 1000, 0),
        (1000, (refund(1100, "failed"), refund(1000, "succeeded")), 1000, 0),
        (1100, (refund(1100, "canceled"),), 0, 0),
        (22000, (refund(22000, "succeeded"),), 11000, 0),
        (22000, (refund(1000, "succeeded"), refund(21000, "pending")), 1000, 10000),
    ],
)
def test_refunds_add_up(
    amount_refunded: int, refunds: tuple[dict[str, Any], ...], refunded: int, refunding: int
) -> None:
    intent = {**SUCCEEDED, "latest_charge": {**CHARGE, "amount_refunded": amount_refunded}}
    assert read(intent, refunds) == expected(refunded=refunded, refunding=refunding)


@pytest.mark.parametrize(
    ("refunds", "dispute", "fields"),
    [
        ((refund(4000, "succeeded"),), 7000, (4000, 0, 7000)),
        ((refund(4000, "succeeded"),), 11000, (4000, 0, 7000)),
        ((refund(4000, "pending"),), 11000, (0, 0, 11000)),
        ((refund(4000, "pending"),), 8000, (0, 3000, 8000)),
        ((refund(11000, "succeeded"),), 11000, (11000, 0, 0)),
    ],
)
def test_no_part_of_the_money_is_gone_twice(
    refunds: tuple[dict[str, Any], ...], dispute: int, fields: tuple[int, int, int]
) -> None:
    charge = {**CHARGE, "amount_refunded": refunds[0]["amount"]}
    intent = {**SUCCEEDED, "latest_charge": charge}
    found = read(intent, refunds, ({**DISPUTE, "status": "lost", "amount": dispute},))
    assert (found.refunded, found.refunding, found.withdrawn) == fields


@pytest.mark.parametrize(
    ("dispute", "disputed", "withdrawn"),
    [
        ({"status": "needs_response"}, 11000, 0),
        ({"status": "needs_response", "balance_transactions": [OUT]}, 11000, 11000),
        ({"status": "under_review", "balance_transactions": [OUT]}, 11000, 11000),
        ({"status": "warning_needs_response"}, 11000, 0),
        ({"status": "appeal_under_review", "balance_transactions": [OUT]}, 11000, 11000),
        ({"status": "won", "balance_transactions": [OUT]}, 0, 0),
        ({"status": "won", "balance_transactions": [OUT, BACK]}, 0, 0),
        ({"status": "warning_closed"}, 0, 0),
        ({"status": "prevented"}, 0, 0),
        ({"status": "charge_refunded"}, 0, 0),
        ({"status": "lost"}, 0, 11000),
        ({"status": "lost", "balance_transactions": [OUT]}, 0, 11000),
        ({"status": "needs_response", "amount": 5000, "balance_transactions": [OUT]}, 5000, 5000),
        ({"status": "lost", "amount": 12000}, 0, 11000),
        ({"status": "lost", "amount": 8, "currency": "usd"}, 0, 11000),
    ],
)
def test_dispute_is_read_as(dispute: dict[str, Any], disputed: int, withdrawn: int) -> None:
    found = read(SUCCEEDED, (), ({**DISPUTE, **dispute},))
    assert (found.disputed, found.withdrawn) == (disputed, withdrawn)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "a_new_one"},
        {"status": "canceled"},
        {"status": "requires_payment_method"},
        {"amount_received": 0},
        {"amount_received": None},
        {"amount_received": True},
        {"livemode": None},
        {"livemode": "false"},
        # After a refund in full: nobody knows of it without the charge.
        {"latest_charge": None},
        {"latest_charge": "ch_3SAMPLE0001"},
        {"latest_charge": {**CHARGE, "amount_refunded": None}},
        {"latest_charge": {**CHARGE, "disputed": None}},
    ],
)
def test_payment_that_leaves_out_what_decides_concludes_nothing(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read({**SUCCEEDED, **changes})


@pytest.mark.parametrize("missing", ["amount_received", "livemode", "status", "latest_charge"])
def test_payment_without_a_field_that_decides_concludes_nothing(missing: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read({name: value for name, value in SUCCEEDED.items() if name != missing})


@pytest.mark.parametrize(
    ("amount_refunded", "refunds"),
    [
        (1100, (refund(1100, "a_new_one"),)),
        (1100, ({"id": "re_1", "amount": 1100, "status": None},)),
        (1100, ({"id": "re_1", "amount": 1100},)),
        # One that the charge counts is not shown, or one is shown that it does not count.
        (1100, ()),
        (2100, (refund(1100, "succeeded"),)),
        (0, (refund(1100, "succeeded"),)),
    ],
)
def test_refunds_that_do_not_tell_conclude_nothing(
    amount_refunded: int, refunds: tuple[dict[str, Any], ...]
) -> None:
    charge = {**CHARGE, "amount_refunded": amount_refunded}
    with pytest.raises(ValueError, match="refund"):
        read({**SUCCEEDED, "latest_charge": charge}, refunds)


@pytest.mark.parametrize(
    "changes", [{"status": "a_new_one"}, {"status": None}, {"balance_transactions": None}]
)
def test_dispute_that_does_not_tell_concludes_nothing(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(SUCCEEDED, (), ({**DISPUTE, **changes},))


def test_disputes_add_up_to_the_payment_at_most() -> None:
    lost = {**DISPUTE, "status": "lost", "amount": 6000}
    found = read(SUCCEEDED, (), (lost, lost))
    assert (found.disputed, found.withdrawn) == (0, 11000)


def test_buyer_reads_no_decline_code_that_is_not_for_them() -> None:
    """Stripe asks not to tell a buyer that a card is reported stolen."""
    error = {
        "code": "card_declined",
        "decline_code": "stolen_card",
        "message": "Your card was declined.",
    }
    declined = sample("event_payment_intent_payment_failed")
    intent = {**declined, "last_payment_error": error}
    assert read(intent).failure_reason == "declined"


def test_client_secret_is_in_no_representation() -> None:
    assert "_secret_" not in repr(Intent.model_validate(SUCCEEDED))
