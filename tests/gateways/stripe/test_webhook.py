"""Stripe's webhooks: what is let in, what is refused, and what is kept of them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import stripe
from structlog.testing import capture_logs

from coinslot.errors import CoinslotError, GatewayOff, InvalidRequest, InvalidSignature
from coinslot.gateways.base import WebhookEvent
from coinslot.gateways.stripe.webhook import parse
from coinslot.server.error_answers import status_of
from tests.support.stripes import WEBHOOK_SECRET, signed

SAMPLES = json.loads((Path(__file__).parent / "samples.json").read_text())
SUCCEEDED = SAMPLES["event_payment_intent_succeeded"]
SECRETS = [WEBHOOK_SECRET]
INTENT, ORDER = "pi_3SAMPLE0001", "ord_0123456789ab"


def take(event: dict[str, Any]) -> WebhookEvent | None:
    body = json.dumps(event).encode()
    return parse(signed(body), body, SECRETS)


def with_order(event: dict[str, Any], order_id: object) -> dict[str, Any]:
    about = {**event["data"]["object"], "metadata": {"order_id": order_id}}
    return {**event, "data": {"object": about}}


def refusal(headers: dict[str, str], body: bytes, secrets: list[str] = SECRETS) -> CoinslotError:
    with pytest.raises(CoinslotError) as caught:
        parse(headers, body, secrets)
    return caught.value


class TestPublishedVector:
    BODY = b'{"id":"evt_vector_1","object":"event"}'
    HEADER = "t=1767323045,v1=96829a9915b43fdf8bd051696a5f085d98784bfd977845d45c3681270005dfbc"

    def test_signature_is_what_the_library_makes(self) -> None:
        header = stripe.WebhookSignature.generate_signature_header(
            self.BODY.decode(), "whsec_vector", 1767323045
        )
        assert header == self.HEADER

    def test_it_is_old_by_now(self) -> None:
        headers = {"stripe-signature": self.HEADER}
        assert isinstance(refusal(headers, self.BODY, ["whsec_vector"]), InvalidSignature)

    def test_it_is_let_in_at_its_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "time", lambda: 1767323045 + 299)
        headers = {"stripe-signature": self.HEADER}
        # Past the signature, and no event: it has no type.
        assert isinstance(refusal(headers, self.BODY, ["whsec_vector"]), InvalidRequest)


class TestSignature:
    BODY = json.dumps(SUCCEEDED).encode()

    def test_good_one_is_let_in(self) -> None:
        assert parse(signed(self.BODY), self.BODY, SECRETS) is not None

    def test_either_secret_is_taken_while_one_is_rolled(self) -> None:
        both = ["whsec_new", "whsec_old"]
        for secret in both:
            assert parse(signed(self.BODY, secret), self.BODY, both) is not None

    def test_header_with_a_signature_per_secret(self) -> None:
        now = int(time.time())
        parts = [signed(self.BODY, secret, now)["stripe-signature"] for secret in ("a", "b")]
        header = ",".join([parts[0], parts[1].partition(",")[2], "v0=abc"])
        for secret in ("a", "b"):
            assert parse({"stripe-signature": header}, self.BODY, [secret]) is not None

    @pytest.mark.parametrize("ahead", [-301, 302, 10**9, -(10**9)])
    def test_clock_too_far_away_either_way(self, ahead: int) -> None:
        headers = signed(self.BODY, at=int(time.time()) + ahead)
        assert isinstance(refusal(headers, self.BODY), InvalidSignature)

    @pytest.mark.parametrize("ahead", [-290, 290])
    def test_clock_a_little_away_either_way(self, ahead: int) -> None:
        headers = signed(self.BODY, at=int(time.time()) + ahead)
        assert parse(headers, self.BODY, SECRETS) is not None

    @pytest.mark.parametrize("secret", ["whsec_two", "whsec_on", "whsec_one "])
    def test_signed_with_another_secret(self, secret: str) -> None:
        assert isinstance(refusal(signed(self.BODY, secret), self.BODY), InvalidSignature)

    @pytest.mark.parametrize(
        "header",
        [
            "",
            " ",
            "nonsense",
            "t=",
            "t=now,v1=abc",
            "v1=abc",
            "t=1767323045",
            "t=1767323045,v0=abc",
            "t=1767323045,v1=",
            "t=1767323045,v1=é",
            "t=1767323045;v1=abc",
            "t=99999999999999999999999,v1=abc",
            "t=" + "9" * 5000 + ",v1=abc",
            "t=-1,v1=abc",
            "t=nan,v1=abc",
            ",,,,",
            "=,=",
            "v1,t",
            "t=1767323045,v1=abc" * 500,
        ],
    )
    def test_malformed_header(self, header: str) -> None:
        refused = refusal({"stripe-signature": header}, self.BODY)
        assert (status_of(refused), refused.code) == (401, "invalid_signature")
        assert str(refused) == "Stripe webhook signature verification failed"

    def test_missing_header(self) -> None:
        assert isinstance(refusal({}, self.BODY), InvalidSignature)

    @pytest.mark.parametrize(
        "body", [BODY[:-1], BODY + b" ", BODY.replace(b"11000", b"11001"), b"", b"\xff\xfe"]
    )
    def test_body_that_is_not_the_one_signed(self, body: bytes) -> None:
        assert isinstance(refusal(signed(self.BODY), body), InvalidSignature)

    def test_signature_of_another_time_under_a_fresh_timestamp(self) -> None:
        old = signed(self.BODY, at=int(time.time()) - 3600)["stripe-signature"]
        header = f"t={int(time.time())},{old.partition(',')[2]}"
        assert isinstance(refusal({"stripe-signature": header}, self.BODY), InvalidSignature)

    def test_without_a_secret_the_address_is_off(self) -> None:
        for headers in ({}, signed(self.BODY)):
            refused = refusal(headers, self.BODY, [])
            assert isinstance(refused, GatewayOff)
            assert status_of(refused) == 404

    @pytest.mark.parametrize(
        "body",
        [
            "[]",
            '"text"',
            "null",
            "{}",
            "1",
            '{"id": 1}',
            '{"id": "evt_1", "type": "payment_intent.succeeded"}',
            "{" * 10,
            "[" * 100_000,
        ],
    )
    def test_signed_nonsense_is_a_bad_request(self, body: str) -> None:
        assert isinstance(refusal(signed(body.encode()), body.encode()), InvalidRequest)


class TestEvents:
    @pytest.mark.parametrize(
        ("name", "order_id"),
        [
            ("event_payment_intent_succeeded", ORDER),
            ("event_payment_intent_payment_failed", ORDER),
            ("event_payment_intent_canceled", ORDER),
            ("event_payment_intent_processing", ORDER),
            ("event_payment_intent_requires_action", ORDER),
            ("event_charge_refunded", ORDER),
            ("event_refund_updated", None),
            ("event_charge_dispute_created", None),
            ("event_charge_dispute_closed", None),
        ],
    )
    def test_about_a_payment(self, name: str, order_id: str | None) -> None:
        event = take(with_order(SAMPLES[name], ORDER) if order_id else SAMPLES[name])
        assert event is not None
        assert (event.event_id, event.event_type) == (SAMPLES[name]["id"], SAMPLES[name]["type"])
        assert (event.order_id, event.payment_key) == (order_id, INTENT)
        assert event.claims_paid == (name == "event_payment_intent_succeeded")

    @pytest.mark.parametrize(
        "order_id",
        ["SHOP-2026-118", "ord_short", f" {ORDER}", f"{ORDER}\n", "ord_" + "x" * 61, "", 5, None],
    )
    @pytest.mark.parametrize("name", ["event_payment_intent_succeeded", "event_charge_refunded"])
    def test_order_id_that_is_none_of_ours_leaves_the_payment(
        self, name: str, order_id: object
    ) -> None:
        event = take(with_order(SAMPLES[name], order_id))
        assert event is not None
        assert (event.order_id, event.payment_key) == (None, INTENT)

    @pytest.mark.parametrize("name", ["event_refund_updated", "event_charge_dispute_created"])
    def test_metadata_that_a_person_gave_a_refund_or_a_dispute_is_not_ours(self, name: str) -> None:
        event = take(with_order(SAMPLES[name], ORDER))
        assert event is not None
        assert (event.order_id, event.payment_key) == (None, INTENT)

    @pytest.mark.parametrize("kind", ["refund.failed", "refund.created", "charge.refund.updated"])
    def test_about_a_refund(self, kind: str) -> None:
        event = take({**SAMPLES["event_refund_updated"], "type": kind})
        assert event is not None
        assert event.payment_key == INTENT

    @pytest.mark.parametrize(
        "event",
        [
            SAMPLES["event_checkout_session_completed"],
            {**SUCCEEDED, "type": "charge.succeeded"},
            {**SUCCEEDED, "type": "invoice.paid"},
            {**SUCCEEDED, "type": "brand.new_event"},
            {**SUCCEEDED, "type": "refund.updated"},
            {**SAMPLES["event_charge_refunded"], "data": {"object": {"payment_intent": None}}},
        ],
    )
    def test_about_nothing_here(self, event: dict[str, Any]) -> None:
        assert take(event) is None

    def test_thin_is_nothing_for_us_and_no_error(self) -> None:
        """It brings no object. What is refused Stripe would send again for days."""
        thin = {
            "id": "evt_test_65",
            "object": "v2.core.event",
            "type": "v1.billing.meter.error_report_triggered",
            "livemode": False,
            "created": "2026-01-02T03:04:05.000Z",
            "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing"},
        }
        assert take(thin) is None

    @pytest.mark.parametrize("name", ["event_payment_intent_succeeded", "event_charge_refunded"])
    def test_of_a_connected_account_is_not_read_at_ours(self, name: str) -> None:
        assert take({**SAMPLES[name], "account": "acct_1CONNECTED"}) is None
        assert take({**SAMPLES[name], "account": None}) is not None

    @pytest.mark.parametrize(
        ("said", "told"),
        [({"fraud_type": "made_with_stolen_card"}, "made_with_stolen_card"), ({}, "unnamed")],
    )
    def test_early_fraud_warning_is_about_its_payment(
        self, said: dict[str, str], told: str
    ) -> None:
        about = {
            "id": "issfr_1",
            "object": "radar.early_fraud_warning",
            "actionable": True,
            "charge": "ch_1",
            "payment_intent": INTENT,
            **said,
        }
        kind = "radar.early_fraud_warning.created"
        event = take({**SUCCEEDED, "type": kind, "data": {"object": about}})
        assert event is not None
        assert (event.warning, event.payment_key, event.order_id) == (told, INTENT, None)
        assert not event.claims_paid
        assert event.body["data"]["object"].get("fraud_type") == said.get("fraud_type")

    def test_payment_intent_that_the_endpoint_expands(self) -> None:
        sample = SAMPLES["event_refund_updated"]
        expanded = {**sample["data"]["object"], "payment_intent": {"id": INTENT}}
        event = take({**sample, "data": {"object": expanded}})
        assert event is not None
        assert event.payment_key == INTENT

    def test_other_api_version_is_understood_and_logged(self) -> None:
        with capture_logs() as logs:
            event = take({**SUCCEEDED, "api_version": "2019-05-16"})
        assert event is not None
        assert [(each["event"], each["api_version"]) for each in logs] == [
            ("webhook_api_version", "2019-05-16")
        ]

    def test_nothing_personal_or_secret_is_kept(self) -> None:
        about = {
            **SAMPLES["event_payment_intent_payment_failed"]["data"]["object"],
            "receipt_email": "kim@example.com",
            "shipping": {"name": "Kim", "address": {"line1": "Seoul"}},
        }
        event = take({**SUCCEEDED, "data": {"object": about}})
        assert event is not None
        kept = json.dumps([event.body, event.headers])
        for secret in ("_secret_", "kim@example.com", "Seoul", "u1", "v1="):
            assert secret not in kept
        assert event.body["data"]["object"]["last_payment_error"] == {
            "code": "card_declined",
            "decline_code": "insufficient_funds",
        }
