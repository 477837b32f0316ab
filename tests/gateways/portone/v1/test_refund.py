"""Refunds through PortOne V1: it has no idempotency keys, so the checksum is what protects."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from coinslot.errors import GatewayTimeout, GatewayUnavailable, InvalidPaymentKey, RefundDeclined
from tests.simulators.calls import ORDER
from tests.support.refunds import account, raised, refund_of

if TYPE_CHECKING:
    from coinslot.gateways.base import GatewayPayment
    from tests.support.portone import Simulated


async def paid(sim: Simulated, **turn: Any) -> GatewayPayment:  # noqa: ANN401
    imp_uid = await sim.pay(ORDER, **{"amount": 5000, **turn})
    if turn.get("outcome") == "awaiting_deposit":
        await sim.control("POST", "deposit", payment_key=imp_uid)
    return await sim.gateway().read(None, imp_uid)


async def now(sim: Simulated, before: GatewayPayment) -> tuple[int, int, str]:
    found = await sim.gateway().read(None, before.payment_key)
    return found.refunded, found.refunding, found.state


def cancels(sim: Simulated) -> list[float]:
    return [each["amount"] for each in sim.simulator.payments()[0]["cancel_history"]]


class TestGivesBack:
    async def test_all(self, sim: Simulated) -> None:
        payment = await paid(sim)
        await sim.gateway().refund(refund_of(payment))
        assert await now(sim, payment) == (5000, 0, "canceled")

    async def test_parts(self, sim: Simulated) -> None:
        payment = await paid(sim)
        for amount, expected in ((1000, 1000), (1500, 2500), (None, 5000)):
            payment = await sim.gateway().read(None, payment.payment_key)
            await sim.gateway().refund(refund_of(payment, amount))
            assert (await now(sim, payment))[0] == expected
        assert cancels(sim) == [1000, 1500, 2500]

    async def test_cents(self, sim: Simulated) -> None:
        payment = await paid(sim, amount=9.6, currency="USD")
        await sim.gateway().refund(refund_of(payment, 310))
        assert (await now(sim, payment))[0] == 310
        assert cancels(sim) == [3.1]

    async def test_what_a_promotion_paid_as_well(self, sim: Simulated) -> None:
        payment = await paid(sim, discount=1000)
        await sim.gateway().refund(refund_of(payment))
        assert await now(sim, payment) == (5000, 0, "canceled")

    async def test_deposit_to_the_account_that_is_given(self, sim: Simulated) -> None:
        payment = await paid(sim, outcome="awaiting_deposit")
        await sim.gateway().refund(refund_of(payment, account=account("088")))
        assert await now(sim, payment) == (5000, 0, "canceled")

    async def test_and_has_portone_say_so(self, sim: Simulated) -> None:
        await sim.control("PUT", "settings", enabled=True, url="http://127.0.0.1:1")
        payment = await paid(sim, webhook="none")
        await sim.gateway().refund(refund_of(payment, 1000))
        deliveries = []
        for _ in range(500):
            deliveries = (await sim.control("GET", "webhooks"))["deliveries"]
            if deliveries:
                break
            await asyncio.sleep(0.01)
        [delivery] = deliveries
        raw = json.dumps(delivery["body"]).encode()
        event = sim.gateway().parse_webhook({"content-type": "application/json"}, raw)
        assert event is not None
        assert (event.payment_key, event.claims_paid) == (payment.payment_key, False)

    async def test_reason_is_bounded(self, sim: Simulated) -> None:
        payment = await paid(sim)
        await sim.gateway().refund(refund_of(payment, reason="a\x00" + "b" * 1000))
        [history] = sim.simulator.payments()[0]["cancel_history"]
        assert history["reason"] == "a" + "b" * 199


class TestDeclined:
    @pytest.mark.parametrize(
        ("turn", "changes", "said"),
        [
            ({}, {"refundable": 4999}, "checksum"),
            ({}, {"amount": 5001}, "초과"),
            ({}, {"payment_key": "imp_000000000000"}, "존재하지"),
            ({"outcome": "awaiting_deposit"}, {}, "환불계좌"),
        ],
    )
    async def test_with_portones_words_and_nothing_changed(
        self, sim: Simulated, turn: dict[str, Any], changes: dict[str, Any], said: str
    ) -> None:
        payment = await paid(sim, **turn)
        with pytest.raises(RefundDeclined) as caught:
            await sim.gateway().refund(refund_of(payment, **changes))
        assert caught.value.gateway_code == "1"
        assert said in caught.value.gateway_message
        assert await now(sim, payment) == (0, 0, "paid")

    @pytest.mark.parametrize("outcome", ["failed", "abandoned"])
    async def test_what_was_never_paid(self, sim: Simulated, outcome: str) -> None:
        imp_uid = await sim.pay(ORDER, amount=5000, outcome=outcome)
        found = await sim.gateway().read(None, imp_uid)
        refund = refund_of(found, amount=5000, refundable=5000)
        assert await raised(sim.gateway().refund(refund)) == "RefundDeclined"

    async def test_by_the_bank(self, sim: Simulated) -> None:
        payment = await paid(sim)
        await sim.fault("refused", next=1, path="/cancel")
        with pytest.raises(RefundDeclined) as caught:
            await sim.gateway().refund(refund_of(payment))
        assert caught.value.gateway_code == "-1"

    async def test_without_the_buyers_account_in_it(
        self, sim: Simulated, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        payment = await paid(sim, outcome="awaiting_deposit")
        words = "계좌 110-123456789 (Hong Gildong) 5000원 110123456789"
        monkeypatch.setattr("simulators.portone.v1.api.cancel_in_place", lambda *_, **__: words)
        refund = refund_of(payment, account=account("088"))
        with capture_logs() as logs, pytest.raises(RefundDeclined) as caught:
            await sim.gateway().refund(refund)
        assert caught.value.gateway_message == "계좌 … (…) 5000원 …"
        assert "Hong" not in f"{logs}{refund!r}{caught.value!r}"
        assert "110123456789" not in f"{logs}{refund!r}{caught.value!r}"

    async def test_nothing_is_never_all(self, sim: Simulated) -> None:
        """V1 takes an amount of 0 for everything."""
        payment = await paid(sim)
        with pytest.raises(ValueError, match="0"):
            await sim.gateway().refund(refund_of(payment, 0))
        with pytest.raises(InvalidPaymentKey):
            await sim.gateway().refund(refund_of(payment, payment_key="x/y"))
        assert await now(sim, payment) == (0, 0, "paid")


class TestUnknown:
    @pytest.mark.parametrize("amount", [None, 1000])
    @pytest.mark.parametrize(
        ("kind", "took_effect"),
        [
            ("error_before", False),
            ("rate_limit", False),
            ("error_after", True),
            ("drop_after", True),
            ("malformed", True),
            ("html", True),
        ],
    )
    async def test_asked_again_is_refunded_once(
        self, sim: Simulated, kind: str, took_effect: bool, amount: int | None
    ) -> None:
        payment = await paid(sim)
        refund = refund_of(payment, amount)
        await sim.fault(kind, next=1, path="/cancel")
        with pytest.raises(GatewayUnavailable) as caught:
            await sim.gateway().refund(refund)
        assert caught.value.code != "refund_unknown"
        assert (await now(sim, payment))[0] == (refund.amount if took_effect else 0)
        again = await raised(sim.gateway().refund(refund))
        assert again == ("RefundDeclined" if took_effect else "")
        assert cancels(sim) == [refund.amount]

    async def test_slow(self, sim: Simulated) -> None:
        payment = await paid(sim)
        gateway = sim.gateway(timeout=0.3)
        await gateway.read(None, payment.payment_key)
        await sim.fault("delay", next=1, path="/cancel", delay_s=1)
        with pytest.raises(GatewayTimeout):
            await gateway.refund(refund_of(payment))
        assert (await now(sim, payment))[0] == 0

    @pytest.mark.parametrize(
        "response", [None, [], {"imp_uid": "imp_1"}, {"imp_uid": None}], ids=repr
    )
    async def test_answer_about_something_else(
        self, sim: Simulated, response: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from simulators.portone.v1 import api, envelope  # noqa: PLC0415

        payment = await paid(sim)
        ok = envelope.ok
        monkeypatch.setattr(
            api, "ok", lambda given: ok(response if "cancel_history" in given else given)
        )
        with pytest.raises(GatewayUnavailable) as caught:
            await sim.gateway().refund(refund_of(payment))
        assert caught.value.code == "gateway_nonsense"

    async def test_keys_that_are_refused_decline_nothing(self, sim: Simulated) -> None:
        payment = await paid(sim)
        with pytest.raises(GatewayUnavailable) as caught:
            await sim.gateway(key="another").refund(refund_of(payment))
        assert caught.value.code == "gateway_rejected_keys"


@pytest.mark.parametrize("amount", [None, 1000])
async def test_many_at_once_with_one_checksum_are_one(sim: Simulated, amount: int | None) -> None:
    payment = await paid(sim)
    gateway = sim.gateway()
    tries = [
        raised(gateway.refund(refund_of(payment, amount, key=f"refund_0123456789_{n % 2}")))
        for n in range(10)
    ]
    outcomes = await asyncio.gather(*tries)
    assert sorted(outcomes) == ["", *["RefundDeclined"] * 9]
    assert cancels(sim) == [amount or 5000]
