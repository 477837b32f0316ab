"""The PortOne V1 client against the simulator, over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from coinslot.errors import (
    GatewayTimeout,
    GatewayUnavailable,
    InvalidPaymentKey,
    PaymentUnknownAtGateway,
)
from coinslot.gateways.base import GatewayPayment, Order, VirtualAccount
from coinslot.server.error_answers import status_of

if TYPE_CHECKING:
    from tests.support.portone import Simulated

SAMPLES = json.loads((Path(__file__).parent / "samples.json").read_text())
UID = "imp_123456789012"
ORDER = Order("ord_0123456789ab", "Starter Pack", 5000, "KRW")
ACCOUNT = VirtualAccount("신한은행", "56211100000000", "(주)상점", "2026-11-08T01:00:00+00:00")


def sample(name: str, **changes: object) -> dict[str, Any]:
    return {**SAMPLES[name]["response"], **changes}


def fact(**changes: Any) -> GatewayPayment:  # noqa: ANN401
    """The fact that `payment_paid` is read as, with changes."""
    return GatewayPayment(
        **{
            "order_id": "topup_01HZX3",
            "payment_key": UID,
            "state": "paid",
            "amount": 11000,
            "currency": "KRW",
            "live": True,
            "paid": 11000,
            "method": "card",
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("payment", "expected"),
    [
        (sample("payment_paid"), fact()),
        (
            sample("payment_vbank_ready"),
            fact(
                state="awaiting_deposit", paid=0, method="virtual_account", virtual_account=ACCOUNT
            ),
        ),
        (
            sample("payment_failed", fail_reason="no"),
            fact(state="failed", paid=0, failure_reason="no"),
        ),
        (sample("payment_partially_cancelled"), fact(refunded=1100)),
        (sample("payment_partially_cancelled", status="cancelled"), fact(refunded=1100)),
        (sample("payment_fully_cancelled"), fact(state="canceled", refunded=11000)),
        (
            sample("payment_vbank_ready", status="cancelled", cancel_amount=11000),
            fact(state="canceled", paid=0, method="virtual_account", virtual_account=ACCOUNT),
        ),
        (
            sample(
                "payment_vbank_ready",
                **dict.fromkeys(("vbank_num", "vbank_name", "vbank_holder")),
                vbank_date=0,
            ),
            fact(state="ready", paid=0, method="virtual_account"),
        ),
        (sample("payment_paid", sandbox=True), fact(live=False)),
        (
            sample("payment_failed", fail_reason="a\x00b\ud800c"),
            fact(state="failed", paid=0, failure_reason="ab?c"),
        ),
        (
            sample("payment_paid", amount=4.0, currency="USD"),
            fact(amount=400, paid=400, currency="USD"),
        ),
        (
            sample("payment_paid", amount=19.99, currency="usd"),
            fact(amount=1999, paid=1999, currency="USD"),
        ),
        # A promotion pays like money, even all of it, and cancels count it.
        (sample("payment_paid", promotion={"id": "p", "discount": 11000}), fact()),
        (
            sample("payment_partially_cancelled", promotion={"id": "p", "discount": 10000}),
            fact(refunded=1100),
        ),
        (
            sample("payment_fully_cancelled", promotion={"id": "p", "discount": 1000}),
            fact(state="canceled", refunded=11000),
        ),
        # As long as it may be that the total of a cancel is without the promotion's part.
        (
            sample("payment_fully_cancelled", cancel_amount=10000, promotion={"discount": 1000}),
            fact(state="canceled", refunded=11000),
        ),
        (
            sample("payment_fully_cancelled", cancel_amount=0, promotion={"discount": 11000}),
            fact(state="canceled", refunded=11000),
        ),
        (
            sample("payment_fully_cancelled", cancel_amount=9000, promotion={"discount": 1000}),
            fact(refunded=9000),
        ),
        (
            sample("payment_paid", pay_method="a-new-one", brand_new_field={}),
            fact(method="a-new-one"),
        ),
    ],
)
async def test_payment_is_read_as(
    sim: Simulated, payment: dict[str, Any], expected: GatewayPayment
) -> None:
    sim.simulator.store.put("payment", UID, payment)
    assert await sim.gateway().read(None, UID) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"imp_uid": "imp_999"},
        {"amount": "many"},
        {"amount": -1},
        {"amount": 2**53},
        {"amount": 1e300},
        {"vbank_num": "1", "vbank_date": 10**18},
        {"status": "cancelled", "promotion": {"id": "p", "discount": "some"}},
        {"amount": 10.5},
        {"currency": "₩"},
        {"cancel_amount": None},
        {"status": "teleported"},
        {"status": "cancelled", "cancel_amount": 0},
        {"status": "ready", "cancel_amount": 11000},
        {"sandbox": None},
        {"sandbox": "no"},
        {"paid_at": 0},
        {"status": "failed"},
        {"merchant_uid": None},
    ],
)
async def test_answer_that_makes_no_sense_is_no_answer(
    sim: Simulated, changes: dict[str, Any]
) -> None:
    sim.simulator.store.put("payment", UID, sample("payment_paid", **changes))
    with pytest.raises(GatewayUnavailable) as caught:
        await sim.gateway().read(None, UID)
    assert caught.value.code == "gateway_nonsense"


async def test_live_mode_does_not_see_a_test_payment(sim: Simulated) -> None:
    imp_uid = await sim.pay("ord_0123456789ab", amount=5000)
    with pytest.raises(PaymentUnknownAtGateway):
        await sim.gateway(live=True).read(None, imp_uid)
    assert not (await sim.gateway().read(None, imp_uid)).live


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("payment_paid", "sandbox"),
        ("payment_paid", "cancel_amount"),
        ("payment_fully_cancelled", "paid_at"),
        ("payment_vbank_ready", "vbank_date"),
        ("payment_vbank_ready", "vbank_num"),
    ],
)
@pytest.mark.parametrize("live", [True, False])
async def test_payment_that_leaves_out_what_decides_concludes_nothing(
    sim: Simulated, name: str, missing: str, live: bool
) -> None:
    payment = sample(name)
    del payment[missing]
    sim.simulator.store.put("payment", UID, payment)
    with pytest.raises(GatewayUnavailable) as caught:
        await sim.gateway(live=live).read(None, UID)
    assert caught.value.code == "gateway_nonsense"


async def test_unknown_payment(sim: Simulated) -> None:
    with pytest.raises(PaymentUnknownAtGateway):
        await sim.gateway().read(None, "imp_000000000000")


@pytest.mark.parametrize(
    "body", [b'{"message": "no Route matched"}', b'{"code": 0}', b"<html>404</html>"]
)
async def test_only_portone_says_that_there_is_no_payment(
    sim: Simulated, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = sim.gateway()
    with pytest.raises(PaymentUnknownAtGateway):
        await gateway.read(None, UID)

    async def request(*_: object, **__: object) -> httpx.Response:
        return httpx.Response(404, content=body)

    monkeypatch.setattr(sim.http, "request", request)
    with pytest.raises(GatewayUnavailable):
        await gateway.read(None, UID)


@pytest.mark.parametrize(
    "key",
    [
        "x?include_sandbox=true",
        "../payments/status/paid",
        "imp_1?include_sandbox=true",
        "imp_1/../../users/getToken",
        "imp_1%2f..",
        "imp_",
        "imp_" + "1" * 29,
        "imp_1\n",
        "imp_é",
        "",
    ],
)
async def test_key_that_is_none_is_refused_before_any_call(sim: Simulated, key: str) -> None:
    with pytest.raises(InvalidPaymentKey):
        await sim.gateway().read(None, key)
    assert sim.simulator.tokens.issued == 0


class TestFaults:
    @pytest.mark.parametrize(
        "kind", ["error_before", "error_after", "drop_after", "malformed", "html", "rate_limit"]
    )
    async def test_no_answer_says_nothing_about_the_payment(
        self, sim: Simulated, kind: str
    ) -> None:
        imp_uid = await sim.pay("ord_0123456789ab", amount=5000)
        gateway = sim.gateway()
        await sim.fault(kind, next=1, path="/payments/")
        with pytest.raises(GatewayUnavailable) as caught:
            await gateway.read(None, imp_uid)
        assert status_of(caught.value) == 502
        assert (await gateway.read(None, imp_uid)).paid == 5000

    async def test_http_200_with_a_code_is_a_failure(self, sim: Simulated) -> None:
        imp_uid = await sim.pay("ord_0123456789ab", amount=5000)
        await sim.fault("refused", next=1, path="/payments/")
        with pytest.raises(GatewayUnavailable) as caught:
            await sim.gateway().read(None, imp_uid)
        assert caught.value.code == "gateway_refused"

    async def test_failing_token_call_is_no_answer_either(self, sim: Simulated) -> None:
        await sim.fault("html", next=1)
        with pytest.raises(GatewayUnavailable):
            await sim.gateway().read(None, UID)

    async def test_slow_gateway_times_out(self, sim: Simulated) -> None:
        await sim.fault("delay", delay_s=5, path="/payments/")
        with pytest.raises(GatewayTimeout) as caught:
            await sim.gateway(timeout=0.2).read(None, UID)
        assert status_of(caught.value) == 504

    async def test_unreachable_gateway(self, sim: Simulated) -> None:
        with pytest.raises(GatewayUnavailable) as caught:
            await sim.gateway(url="http://127.0.0.1:1").read(None, UID)
        assert status_of(caught.value) == 502


class TestPrepare:
    async def test_window_refuses_another_amount(self, sim: Simulated) -> None:
        await sim.gateway().prepare(ORDER)
        response = await sim.http.post(
            f"{sim.url}/_sim/pay", json={"order_id": ORDER.order_id, "amount": 100}
        )
        assert (response.status_code, response.json()["code"]) == (409, "amount_not_prepared")

    async def test_order_checked_out_again_is_registered_again(self, sim: Simulated) -> None:
        gateway = sim.gateway()
        await gateway.prepare(ORDER)
        await gateway.prepare(Order(ORDER.order_id, ORDER.name, 400, "USD"))
        registered = sim.simulator.store.get("prepared", ORDER.order_id)
        assert registered == {"merchant_uid": ORDER.order_id, "amount": 4, "currency": "USD"}

    async def test_fraction_of_a_unit_is_kept(self, sim: Simulated) -> None:
        await sim.gateway().prepare(Order(ORDER.order_id, ORDER.name, 960, "USD"))
        registered = sim.simulator.store.get("prepared", ORDER.order_id)
        assert registered is not None
        assert registered["amount"] == 9.6

    async def test_refusal_of_both_ways_is_a_failure(self, sim: Simulated) -> None:
        await sim.fault("refused", path="/payments/prepare")
        with pytest.raises(GatewayUnavailable) as caught:
            await sim.gateway().prepare(ORDER)
        assert caught.value.code == "gateway_refused"
