"""Toss asked about a payment: what only Toss can say, and what is no answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coinslot.errors import GatewayUnavailable, InvalidPaymentKey, PaymentUnknownAtGateway
from coinslot.server.error_answers import status_of
from tests.gateways.toss.test_adapter import KEY, ORDER
from tests.support.toss import answering

if TYPE_CHECKING:
    from tests.support.toss import SimulatedToss


async def test_by_the_order_alone(toss: SimulatedToss) -> None:
    declined = await toss.pay(ORDER.order_id, 11000, outcome="failed")
    paid = await toss.pay(ORDER.order_id, 11000)
    await toss.confirm(declined, ORDER.order_id, 11000)
    await toss.confirm(paid, ORDER.order_id, 11000)
    await toss.pay(ORDER.order_id, 11000, force=True)
    read = await toss.gateway().read(ORDER.order_id, None)
    assert (read.payment_key, read.state) == (paid, "paid")


async def test_unknown(toss: SimulatedToss) -> None:
    for ids in ((None, "tgen_nobody"), ("ord_nobody", None)):
        with pytest.raises(PaymentUnknownAtGateway):
            await toss.gateway().read(*ids)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"code": "NOT_FOUND_PAYMENT", "message": "?"}', PaymentUnknownAtGateway),
        (b'{"code": "NOT_FOUND", "message": "?"}', PaymentUnknownAtGateway),
        (b'{"code": "NOT_FOUND_PAYMENT_SESSION"}', PaymentUnknownAtGateway),
        (b'{"code": "NO_SUCH_ROUTE", "message": "?"}', GatewayUnavailable),
        (b'{"message": "no Route matched"}', GatewayUnavailable),
        (b"<html>404</html>", GatewayUnavailable),
        (b"", GatewayUnavailable),
    ],
)
async def test_only_toss_says_that_there_is_no_payment(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await answering(404, body).read(None, KEY)


async def test_wrong_keys_are_named_as_the_reason(toss: SimulatedToss) -> None:
    with pytest.raises(GatewayUnavailable) as caught:
        await toss.gateway(secret_key="test_sk_another").read(None, KEY)
    assert caught.value.code == "gateway_rejected_keys"


@pytest.mark.parametrize(
    "key", ["", "tgen", "../orders/x", "tgen_1?x=1", "tgen_1/cancel", "tgen_é", "a" * 201]
)
async def test_key_that_is_none_is_refused_before_any_call(toss: SimulatedToss, key: str) -> None:
    gateway = toss.gateway(url="http://127.0.0.1:1")
    with pytest.raises(InvalidPaymentKey):
        await gateway.read(None, key)
    with pytest.raises(InvalidPaymentKey):
        await gateway.confirm(ORDER, key)


@pytest.mark.parametrize(
    "kind", ["error_before", "error_after", "drop_after", "malformed", "html", "rate_limit"]
)
async def test_no_answer_says_nothing_about_the_payment(toss: SimulatedToss, kind: str) -> None:
    key = await toss.pay(ORDER.order_id)
    await toss.fault(kind, next=1, path="/payments/")
    with pytest.raises(GatewayUnavailable) as caught:
        await toss.gateway().read(None, key)
    assert status_of(caught.value) == 502
    assert (await toss.gateway().read(None, key)).state == "ready"
