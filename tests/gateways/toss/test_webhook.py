"""Toss's webhooks, of which only the ids and a claim are ever used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coinslot.errors import InvalidRequest
from coinslot.gateways.base import WebhookEvent
from coinslot.gateways.toss.webhook import parse

SAMPLES = json.loads((Path(__file__).parent / "samples.json").read_text())
HEADERS = SAMPLES["webhook_headers"]
KEY, ORDER, SECRET = "tgen_20261101010000abCD1", "topup_01HZX3", "ps_0123456789abcdef"


def parsed(event: Any) -> WebhookEvent | None:  # noqa: ANN401
    return parse(HEADERS, json.dumps(event).encode())


def changed(name: str, **data: object) -> dict[str, Any]:
    return {**SAMPLES[name], "data": {**SAMPLES[name]["data"], **data}}


@pytest.mark.parametrize(
    ("status", "claims"),
    [
        ("DONE", True),
        ("PARTIAL_CANCELED", True),
        ("WAITING_FOR_DEPOSIT", False),
        ("CANCELED", False),
        ("ABORTED", False),
        ("EXPIRED", False),
        ("SOMETHING_NEW", False),
        (["DONE"], False),
        (None, False),
    ],
)
def test_payment_status_changed(status: object, claims: bool) -> None:
    event = parsed(changed("webhook_payment_status_changed", status=status))
    assert event is not None
    assert (event.event_type, event.order_id, event.payment_key) == (
        "PAYMENT_STATUS_CHANGED",
        ORDER,
        KEY,
    )
    assert (event.claims_paid, event.event_id, event.secret) == (claims, None, None)


@pytest.mark.parametrize(("status", "claims"), [("DONE", True), ("WAITING_FOR_DEPOSIT", False)])
def test_deposit_callback(status: str, claims: bool) -> None:
    event = parsed({**SAMPLES["webhook_deposit_callback"], "status": status})
    assert event is not None
    assert (event.event_type, event.order_id, event.payment_key) == (
        "DEPOSIT_CALLBACK",
        ORDER,
        None,
    )
    assert (event.claims_paid, event.event_id, event.secret) == (claims, None, SECRET)


def test_secret_that_no_database_can_hold_is_compared_without_it() -> None:
    event = parsed({**SAMPLES["webhook_deposit_callback"], "secret": f"\x00{SECRET}\ud800"})
    assert event is not None
    assert event.secret == f"{SECRET}?"


def test_deposit_callback_whose_secret_is_nothing_is_compared_all_the_same() -> None:
    for secret in (None, ""):
        event = parsed({**SAMPLES["webhook_deposit_callback"], "secret": secret})
        assert event is not None
        assert event.secret == ""


def test_cancel_status_changed() -> None:
    event = parsed(SAMPLES["webhook_cancel_status_changed"])
    assert event is not None
    assert (event.order_id, event.payment_key, event.claims_paid) == (None, KEY, False)


@pytest.mark.parametrize(
    "kind",
    [
        *("BILLING_DELETED", "METHOD_UPDATED", "CUSTOMER_STATUS_CHANGED"),
        *("ORDER_PAYMENT_STATUS_CHANGED", "payout.changed", "seller.changed", "NEXT_YEARS"),
    ],
)
def test_what_is_not_about_a_payment_is_ignored(kind: str) -> None:
    assert parsed({"eventType": kind, "createdAt": "x", "data": {}}) is None


@pytest.mark.parametrize("name", ["webhook_payment_status_changed", "webhook_deposit_callback"])
def test_only_what_tells_nothing_about_the_buyer_is_kept(name: str) -> None:
    event = parsed(SAMPLES[name])
    assert event is not None
    kept = json.dumps([event.body, event.headers])
    for secret in (SECRET, "12345678****000*", "dashboard.tosspayments.com", "100 tokens"):
        assert secret not in kept
    assert ORDER in kept
    assert event.headers["tosspayments-webhook-transmission-id"].startswith("whtrans_")
    assert SECRET not in repr(event)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"{}",
        b"\xff",
        b"[" * 50_000,
        b'{"createdAt": "x", "status": "DONE"}',
        b'{"eventType": 5}',
        b'{"eventType": "PAYMENT_STATUS_CHANGED"}',
        b'{"eventType": "PAYMENT_STATUS_CHANGED", "data": []}',
        b'{"eventType": "PAYMENT_STATUS_CHANGED", "data": {"status": "DONE"}}',
        b'{"eventType": "PAYMENT_STATUS_CHANGED", "data": {"orderId": ["x"]}}',
        b'{"secret": "x", "status": "DONE"}',
        b'{"secret": "x", "orderId": {}}',
        b'{"secret": ["x"], "orderId": "ord_0123456789ab"}',
    ],
)
def test_body_that_names_no_payment_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse(HEADERS, body)
