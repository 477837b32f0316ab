"""PortOne V2's webhooks: signed or nothing, and of what is signed only the ids are used."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
import standardwebhooks.webhooks
from standardwebhooks import Webhook

from coinslot.errors import GatewayOff, InvalidRequest, InvalidSignature
from coinslot.gateways.base import WebhookEvent
from coinslot.gateways.portone.v2 import webhook as portone_v2_webhook
from coinslot.server.error_answers import status_of
from tests.support.portone_v2 import NEXT_SECRET, ORDER, SECRET

if TYPE_CHECKING:
    from tests.support.portone_v2 import SimulatedV2

PUBLISHED = (
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    1614265330,
    b'{"test": 2432232314}',
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
)
OWN = (
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "msg_vector_1",
    1767323045,
    b'{"type":"Transaction.Paid","timestamp":"2026-01-02T03:04:05.000Z",'
    b'"data":{"paymentId":"pay-1","storeId":"store-1","transactionId":"tx-1"}}',
    "v1,XLaIfZ8hbap+nCtO/222QefB/C8sEx3+LAgcog+DeLA=",
)
DATA = {"storeId": "store-sandbox", "paymentId": ORDER, "transactionId": "tx-1"}
PAID = {"type": "Transaction.Paid", "timestamp": "2026-11-01T01:00:10.000Z", "data": DATA}


def signed(
    body: bytes,
    *secrets: str,
    when: datetime | None = None,
    content_type: str = "application/json",
) -> dict[str, str]:
    when = when or datetime.now(UTC)
    entries = [Webhook(s).sign("msg_1", when, body.decode()) for s in secrets or (SECRET,)]
    return {
        "content-type": content_type,
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(when.timestamp())),
        "webhook-signature": " ".join(entries),
    }


def parse(v2: SimulatedV2, body: bytes | object, **headers: str) -> WebhookEvent | None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return v2.gateway().parse_webhook({**signed(raw), **headers}, raw)


@pytest.mark.parametrize("vector", [PUBLISHED, OWN])
@pytest.mark.parametrize("age", [0, 299, -299])
def test_vectors_verify_within_five_minutes_either_way(
    monkeypatch: pytest.MonkeyPatch, vector: tuple[str, str, int, bytes, str], age: int
) -> None:
    secret, event_id, timestamp, body, signature = vector
    _set_clock(monkeypatch, timestamp + age)
    headers = {
        "Webhook-Id": event_id,
        "WEBHOOK-TIMESTAMP": str(timestamp),
        "webhook-signature": signature,
    }
    assert portone_v2_webhook.verify([NEXT_SECRET, secret], headers, body) == event_id
    for wrong in (body + b" ", body[:-1], body.replace(b"2", b"3")):
        with pytest.raises(InvalidSignature):
            portone_v2_webhook.verify([secret], headers, wrong)


@pytest.mark.parametrize("vector", [PUBLISHED, OWN])
@pytest.mark.parametrize("age", [301, -301])
def test_vectors_are_refused_after_and_before(
    monkeypatch: pytest.MonkeyPatch, vector: tuple[str, str, int, bytes, str], age: int
) -> None:
    secret, event_id, timestamp, body, signature = vector
    _set_clock(monkeypatch, timestamp + age)
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }
    with pytest.raises(InvalidSignature):
        portone_v2_webhook.verify([secret], headers, body)


def test_own_vector_has_138_bytes_and_is_what_the_library_signs() -> None:
    for secret, event_id, timestamp, body, signature in (PUBLISHED, OWN):
        when = datetime.fromtimestamp(timestamp, UTC)
        assert Webhook(secret).sign(event_id, when, body.decode()) == signature
    assert len(OWN[3]) == 138


class TestSignature:
    @pytest.mark.parametrize("signers", [[SECRET], [NEXT_SECRET], [NEXT_SECRET, SECRET]])
    async def test_either_of_two_secrets_counts(self, v2: SimulatedV2, signers: list[str]) -> None:
        body = json.dumps(PAID).encode()
        gateway = v2.gateway(webhook_secrets=[SECRET, NEXT_SECRET])
        event = gateway.parse_webhook(signed(body, *signers), body)
        assert event is not None
        assert event.event_id == "msg_1"

    async def test_entry_that_does_not_parse_hides_no_good_one(self, v2: SimulatedV2) -> None:
        good = signed(json.dumps(PAID).encode())["webhook-signature"]
        for entries in (f"nonsense {good}", f"v1,*** {good}", f"v2,AA== {good}", f" {good}  x"):
            assert parse(v2, PAID, **{"webhook-signature": entries}) is not None

    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    @pytest.mark.parametrize(
        "value",
        [
            "",
            " ",
            "v1",
            "v1,",
            "v1,AAAA",
            "v1,*",
            "v1,,",
            ",",
            "nan",
            "inf",
            "-1",
            "9" * 400,
            "0",
            "msg_2",
            "é",
            "v1," + "A" * 43 + "=",
            "x" * 10_000,
        ],
    )
    async def test_header_of_any_wrong_form_is_refused(
        self, v2: SimulatedV2, name: str, value: str
    ) -> None:
        with pytest.raises(InvalidSignature):
            parse(v2, PAID, **{name: value})

    @pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
    async def test_header_that_is_missing(self, v2: SimulatedV2, name: str) -> None:
        body = json.dumps(PAID).encode()
        headers = signed(body)
        del headers[name]
        with pytest.raises(InvalidSignature):
            v2.gateway().parse_webhook(headers, body)

    async def test_nothing_but_the_bytes_that_were_signed_counts(self, v2: SimulatedV2) -> None:
        body = json.dumps(PAID).encode()
        for other in (json.dumps(PAID, indent=1).encode(), body[:-1], b"", b"\xff\xfe", body * 2):
            with pytest.raises(InvalidSignature):
                v2.gateway().parse_webhook(signed(body), other)

    async def test_signature_of_somebody_else(self, v2: SimulatedV2) -> None:
        body = json.dumps(PAID).encode()
        with pytest.raises(InvalidSignature):
            v2.gateway().parse_webhook(signed(body, NEXT_SECRET), body)

    @pytest.mark.parametrize("seconds", [-302, 302])
    async def test_old_and_future_ones_are_refused(self, v2: SimulatedV2, seconds: int) -> None:
        body = json.dumps(PAID).encode()
        when = datetime.now(UTC) + timedelta(seconds=seconds)
        with pytest.raises(InvalidSignature):
            v2.gateway().parse_webhook(signed(body, when=when), body)

    async def test_without_a_secret_there_is_no_webhook(self, v2: SimulatedV2) -> None:
        body = json.dumps(PAID).encode()
        with pytest.raises(GatewayOff) as caught:
            v2.gateway(webhook_secrets=[]).parse_webhook(signed(body), body)
        assert status_of(caught.value) == 404


class TestEvent:
    async def test_names_the_payment_and_what_it_claims(self, v2: SimulatedV2) -> None:
        personal = {**PAID, "data": {**DATA, "buyer": "Kim", "cancellationId": "c1"}, "x": "y"}
        event = parse(v2, personal, **{"user-agent": "PortOne", "cookie": "c"})
        assert event is not None
        stamp = event.headers["webhook-timestamp"]
        assert event == WebhookEvent(
            event_type="Transaction.Paid",
            order_id=ORDER,
            payment_key="tx-1",
            claims_paid=True,
            event_id="msg_1",
            headers={
                "content-type": "application/json",
                "webhook-id": "msg_1",
                "webhook-timestamp": stamp,
                "user-agent": "PortOne",
            },
            body={**PAID, "data": {**DATA, "cancellationId": "c1"}},
        )

    @pytest.mark.parametrize(
        "name",
        [
            *("Ready", "Failed", "PayPending", "VirtualAccountIssued", "PartialCancelled"),
            *("Cancelled", "CancelPending", "DisputeCreated", "DisputeResolved", "Confirm"),
        ],
    )
    async def test_every_other_one_claims_nothing(self, v2: SimulatedV2, name: str) -> None:
        event = parse(v2, {**PAID, "type": f"Transaction.{name}"})
        assert event is not None
        assert (event.order_id, event.claims_paid) == (ORDER, False)

    @pytest.mark.parametrize(
        "body",
        [
            {**PAID, "type": "BillingKey.Issued", "data": {"billingKey": "b", "storeId": "s"}},
            {**PAID, "type": "BillingKey.Ready"},
            {**PAID, "type": "Transaction.Teleported"},
            {**PAID, "type": "Identity.Verified", "data": None},
            {**PAID, "type": None},
            {"payment_id": ORDER, "tx_id": "tx-1", "status": "Teleported"},
        ],
    )
    async def test_that_is_not_known_here_is_ignored(
        self, v2: SimulatedV2, body: dict[str, Any]
    ) -> None:
        assert parse(v2, body) is None

    @pytest.mark.parametrize(
        "body",
        [
            {**PAID, "data": None},
            {**PAID, "data": []},
            {**PAID, "data": {"paymentId": 5}},
            {**PAID, "data": {"paymentId": ""}},
            {"status": "Paid"},
            [1],
            "text",
            b"",
            b"{",
            b"[" * 50_000,
        ],
    )
    async def test_that_names_no_payment_is_refused(
        self, v2: SimulatedV2, body: bytes | object
    ) -> None:
        with pytest.raises(InvalidRequest) as caught:
            parse(v2, body)
        assert type(caught.value) is InvalidRequest

    async def test_without_a_transaction_is_about_the_order(self, v2: SimulatedV2) -> None:
        event = parse(v2, {**PAID, "data": {"paymentId": ORDER}})
        assert event is not None
        assert (event.order_id, event.payment_key) == (ORDER, None)

    @pytest.mark.parametrize("form", [False, True])
    @pytest.mark.parametrize("status", ["Paid", "Ready"])
    async def test_older_version_is_understood(
        self, v2: SimulatedV2, form: bool, status: str
    ) -> None:
        fields = {"payment_id": ORDER, "tx_id": "tx-1", "status": status}
        body = (urlencode(fields) if form else json.dumps(fields)).encode()
        kind = "application/x-www-form-urlencoded; charset=utf-8" if form else "application/json"
        event = v2.gateway().parse_webhook(signed(body, content_type=kind), body)
        assert event is not None
        assert (event.event_type, event.order_id, event.payment_key) == (
            f"Transaction.{status}",
            ORDER,
            "tx-1",
        )
        assert (event.claims_paid, event.body) == (status == "Paid", fields)


def _set_clock(monkeypatch: pytest.MonkeyPatch, now: int) -> None:
    """The library's own clock; its code stays as it is."""

    class Fixed(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Fixed:
            return cls.fromtimestamp(now, tz)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Fixed)
