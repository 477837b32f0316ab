"""The part of a webhook's body that is stored."""

from __future__ import annotations

import json
from decimal import Decimal

from coinslot.gateways.base import GatewayPayment, WebhookEvent
from coinslot.gateways.redaction import redacted


def test_keeps_the_named_fields_and_nothing_else() -> None:
    event = {
        "id": "evt_1",
        "email": "mina@example.com",
        "data": {"object": {"id": "pi_1", "amount": 5000, "receipt_email": "mina@example.com"}},
        "cancels": [{"amount": 1, "bank": "7"}, "odd"],
    }
    keep = {"id", "data.object.id", "data.object.amount", "cancels.amount", "absent.field"}
    assert redacted(event, keep) == {
        "id": "evt_1",
        "data": {"object": {"id": "pi_1", "amount": 5000}},
        "cancels": [{"amount": 1}],
    }


def test_what_is_kept_can_be_stored() -> None:
    odd = {
        "text": "a\x00b\ud800c" + "x" * 1000,
        "large": 10**400,
        "decimal": Decimal("1.50"),
        "infinite": float("inf"),
        "object": {"a": {"b": 1}},
        "yes": True,
        "none": None,
    }
    kept = redacted(odd, keep=odd.keys())
    assert len(kept["text"]) == 300
    assert kept["text"].startswith("ab?c")
    assert kept["large"] == "1" + "0" * 299
    assert (kept["decimal"], kept["infinite"], kept["object"]) == ("1.50", "inf", "…")
    assert (kept["yes"], kept["none"]) == (True, None)
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept


def test_secrets_are_not_shown() -> None:
    event = WebhookEvent("type", None, None, claims_paid=False, secret="ps_hush")
    payment = GatewayPayment("o", "k", "paid", 1, "KRW", live=False, secret="ps_hush")
    assert "hush" not in repr(event) + repr(payment)
    assert payment.arguments()["secret"] == "ps_hush"
