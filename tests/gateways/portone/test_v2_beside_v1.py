"""PortOne V1, V2 or both, as the keys say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.errors import GatewayOff, InvalidRequest, InvalidSignature, PaymentUnknownAtGateway
from coinslot.gateways.base import Order
from coinslot.gateways.portone.adapter import PortOneBoth
from coinslot.gateways.portone.v1.adapter import PortOneV1
from coinslot.gateways.portone.v2.adapter import PortOneV2
from coinslot.gateways.registry import open_gateways
from coinslot.settings.deployment import SettingsError
from tests.gateways.portone.v2.test_webhook import PAID, signed
from tests.support.portone_v2 import API_SECRET, CHANNEL, ORDER, SECRET, STORE
from tests.support.refunds import refund_of
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from coinslot.gateways.base import Gateway
    from tests.support.portone_v2 import SimulatedV2

V1_KEYS = ("iamport_code", "iamport_api_key", "iamport_api_secret")
NO_V1 = dict.fromkeys(V1_KEYS)
V2 = {
    "portone_api_secret": API_SECRET,
    "portone_store_id": STORE,
    "portone_channel_key": CHANNEL,
    "portone_webhook_secrets": SECRET,
}
NO_V2 = {**dict.fromkeys(V2), "portone_webhook_secrets": ""}
V1_BODY = {"imp_uid": "imp_1", "merchant_uid": ORDER, "status": "paid"}
JSON = {"content-type": "application/json"}


def made(v2: SimulatedV2, **changes: Any) -> Gateway:  # noqa: ANN401
    """The gateway `portone` of a sidecar with these settings; both versions, unless changed."""
    given = {**V2, "portone_api_url": v2.url, "iamport_api_url": v1_url(v2), **changes}
    return open_gateways(settings(**given), v2.http)["portone"]


def v1_url(v2: SimulatedV2) -> str:
    return v2.url.replace("portone-v2", "portone-v1")


async def pay_at_v1(v2: SimulatedV2, order_id: str) -> str:
    """The buyer's turn at the simulator of V1, which runs beside that of V2."""
    turn = {"order_id": order_id, "amount": 5000, "webhook": "none"}
    answer = await v2.http.post(f"{v1_url(v2)}/_sim/pay", json=turn)
    return str(answer.raise_for_status().json()["imp_uid"])


class TestChoice:
    async def test_follows_the_keys(self, v2: SimulatedV2) -> None:
        assert isinstance(made(v2), PortOneBoth)
        assert isinstance(made(v2, **NO_V1), PortOneV2)
        assert isinstance(made(v2, **NO_V2), PortOneV1)
        assert open_gateways(settings(**NO_V1), v2.http) == {}

    @pytest.mark.parametrize("left_out", list(V2)[:3])
    def test_half_given_keys_are_named(self, left_out: str) -> None:
        with pytest.raises(SettingsError) as caught:
            settings(**{**V2, left_out: None})
        said = str(caught.value)
        assert f"{left_out.upper()} not set" in said
        assert "PortOne V2" in said
        assert not any(secret in said for secret in (API_SECRET, SECRET))

    def test_webhook_secret_alone_is_half_a_gateway(self) -> None:
        with pytest.raises(SettingsError) as caught:
            settings(portone_webhook_secrets=SECRET)
        assert "PORTONE_API_SECRET, PORTONE_STORE_ID, PORTONE_CHANNEL_KEY" in str(caught.value)

    @pytest.mark.parametrize("bad", ["whsec_", "whsec_***", f"{SECRET},nonsense!"])
    def test_webhook_secret_of_another_form_is_named_and_not_shown(self, bad: str) -> None:
        with pytest.raises(SettingsError) as caught:
            settings(**{**V2, "portone_webhook_secrets": bad})
        assert "PORTONE_WEBHOOK_SECRETS" in str(caught.value)
        assert "nonsense" not in str(caught.value)

    def test_every_secret_is_kept_out_of_logs(self) -> None:
        both = settings(**{**V2, "portone_webhook_secrets": f"{SECRET}, whsec_bmV4dA=="})
        assert {API_SECRET, SECRET, "whsec_bmV4dA=="} <= set(both.secrets())
        assert SECRET not in repr(both)

    def test_plain_address_is_refused_in_live_mode(self) -> None:
        with pytest.raises(SettingsError) as caught:
            settings(coinslot_mode="live", portone_api_url="http://api.portone.io")
        assert "PORTONE_API_URL must be https" in str(caught.value)


class TestBoth:
    async def test_new_orders_are_v2s(self, v2: SimulatedV2) -> None:
        prepared = await made(v2).prepare(Order(ORDER, "Starter Pack", 5000, "KRW"))
        assert prepared.browser["paymentId"] == ORDER
        assert v2.simulator.store.get("prepared", ORDER)

    async def test_key_tells_who_is_asked(self, v2: SimulatedV2) -> None:
        gateway = made(v2)
        transaction = await v2.pay()
        imp_uid = await pay_at_v1(v2, ORDER)
        for key in (transaction, imp_uid):
            gateway.check_key(key)
            assert (await gateway.read(ORDER, key)).payment_key == key

    async def test_order_without_a_key_is_looked_for_at_both(self, v2: SimulatedV2) -> None:
        gateway = made(v2)
        imp_uid = await pay_at_v1(v2, "ord_begun-with-v1")
        transaction = await v2.pay()
        assert (await gateway.read("ord_begun-with-v1", None)).payment_key == imp_uid
        assert (await gateway.read(ORDER, None)).payment_key == transaction
        with pytest.raises(PaymentUnknownAtGateway):
            await gateway.read("ord_of-nobody-here", None)

    async def test_refund_goes_to_the_one_that_took_the_money(self, v2: SimulatedV2) -> None:
        gateway = made(v2)
        transaction = await v2.pay()
        imp_uid = await pay_at_v1(v2, "ord_refunded-at-v1")
        both = {ORDER: transaction, "ord_refunded-at-v1": imp_uid}
        for order_id, key in both.items():
            await gateway.refund(refund_of(await gateway.read(order_id, key), 1000))
        for order_id, key in both.items():
            assert (await gateway.read(order_id, key)).refunded == 1000

    async def test_webhooks_of_both_are_understood(self, v2: SimulatedV2) -> None:
        gateway = made(v2)
        body = json.dumps(PAID).encode()
        of_v2 = gateway.parse_webhook(signed(body), body)
        of_v1 = gateway.parse_webhook(JSON, json.dumps(V1_BODY).encode())
        assert of_v1 is not None
        assert of_v2 is not None
        assert (of_v2.event_id, of_v2.payment_key) == ("msg_1", "tx-1")
        assert (of_v1.event_id, of_v1.payment_key) == (None, "imp_1")

    async def test_signature_is_not_escaped_by_looking_like_v1(self, v2: SimulatedV2) -> None:
        """A webhook with signature headers is judged as signed; one without is never a V2 event."""
        gateway = made(v2)
        forged = {**JSON, "webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
        with pytest.raises(InvalidSignature):
            gateway.parse_webhook(forged, json.dumps(V1_BODY).encode())
        for body in (PAID, {"payment_id": ORDER, "tx_id": "tx-1", "status": "Paid"}):
            with pytest.raises(InvalidSignature):
                gateway.parse_webhook(JSON, json.dumps(body).encode())

    async def test_without_a_secret_v1_still_hears(self, v2: SimulatedV2) -> None:
        gateway = made(v2, portone_webhook_secrets="")
        assert gateway.parse_webhook(JSON, json.dumps(V1_BODY).encode()) is not None
        with pytest.raises(GatewayOff):
            gateway.parse_webhook(JSON, json.dumps(PAID).encode())


class TestOne:
    async def test_v2_alone_does_not_believe_v1s_webhook(self, v2: SimulatedV2) -> None:
        with pytest.raises(InvalidSignature):
            made(v2, **NO_V1).parse_webhook(JSON, json.dumps(V1_BODY).encode())

    async def test_v1_alone_does_not_understand_v2s(self, v2: SimulatedV2) -> None:
        body = json.dumps(PAID).encode()
        with pytest.raises(InvalidRequest):
            made(v2, **NO_V2).parse_webhook(signed(body), body)
