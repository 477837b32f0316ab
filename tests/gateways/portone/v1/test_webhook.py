"""PortOne V1's webhooks, of which only the ids are ever used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from coinslot.errors import InvalidRequest, UnsupportedContentType

if TYPE_CHECKING:
    from tests.support.portone import Simulated

SAMPLES = json.loads((Path(__file__).parent / "samples.json").read_text())
UID = "imp_123456789012"


class TestWebhook:
    @pytest.mark.parametrize("name", ["webhook_paid", "webhook_vbank_issued", "webhook_cancelled"])
    @pytest.mark.parametrize("form", [False, True])
    async def test_is_understood_as_json_and_as_a_form(
        self, sim: Simulated, name: str, form: bool
    ) -> None:
        fields = SAMPLES[name]
        kind = "application/x-www-form-urlencoded" if form else "application/json; charset=utf-8"
        body = (urlencode(fields) if form else json.dumps(fields)).encode()
        event = sim.gateway().parse_webhook({"content-type": kind}, body)
        assert event is not None
        assert (event.order_id, event.payment_key) == ("topup_01HZX3", UID)
        assert (event.event_type, event.event_id) == (fields["status"], None)
        assert event.claims_paid == (name == "webhook_paid")
        assert (event.headers, event.body) == ({"content-type": kind}, fields)

    async def test_fields_that_nobody_announced_are_not_kept(self, sim: Simulated) -> None:
        told = {"imp_uid": UID, "merchant_uid": "ord_1", "status": "paid", "buyer_tel": "010"}
        headers = {"content-type": "application/json", "x-forwarded-for": "198.51.100.7"}
        event = sim.gateway().parse_webhook(headers, json.dumps(told).encode())
        assert event is not None
        assert "010" not in repr(event)
        assert "198.51.100.7" not in repr(event)

    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b"{}", b'{"imp_uid": 1, "merchant_uid": []}', b"[" * 50_000]
    )
    async def test_body_that_names_no_payment_is_refused(self, sim: Simulated, body: bytes) -> None:
        with pytest.raises(InvalidRequest):
            sim.gateway().parse_webhook({"content-type": "application/json"}, body)

    async def test_other_content_is_refused(self, sim: Simulated) -> None:
        with pytest.raises(UnsupportedContentType):
            sim.gateway().parse_webhook({"content-type": "text/plain"}, b"imp_uid=imp_1")
