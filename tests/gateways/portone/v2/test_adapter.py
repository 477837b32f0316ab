"""The PortOne V2 client against the simulator, over HTTP."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from coinslot.errors import GatewayUnavailable, InvalidPaymentKey, PaymentUnknownAtGateway
from coinslot.gateways.base import GatewayPayment, VirtualAccount
from tests.support.portone_v2 import ORDER, SAMPLES, STORE

if TYPE_CHECKING:
    from tests.support.portone_v2 import SimulatedV2

TX = "0195b2f0-aaaa-7bbb-8ccc-1234567890ab"
ID = "topup_01HZX3"
ACCOUNT = VirtualAccount("신한은행", "X123", "shop", "2026-11-08T01:00:10+00:00")
LATER = {"pgTxId": 5, "brandNewField": [{}], "products": None}


def sample(sample_name: str, **changes: object) -> dict[str, Any]:
    """A documented sample of our store; `amount__paid=1` changes what is inside."""
    payment: dict[str, Any] = {**deepcopy(SAMPLES[sample_name]), "storeId": STORE}
    for path, value in changes.items():
        outer, _, inner = path.partition("__")
        if inner:
            payment[outer][inner] = value
        elif value is None:
            payment.pop(outer, None)
        else:
            payment[outer] = value
    return payment


def cancellation(amount: int = 1100, **changes: object) -> dict[str, Any]:
    return {**SAMPLES["partial_cancelled"]["cancellations"][0], "totalAmount": amount, **changes}


def fact(**changes: Any) -> GatewayPayment:  # noqa: ANN401
    """The fact that `paid` is read as, with changes."""
    return GatewayPayment(
        **{
            "order_id": ID,
            "payment_key": TX,
            "state": "paid",
            "amount": 11000,
            "currency": "KRW",
            "live": False,
            "paid": 11000,
            "method": "card",
            **changes,
        }
    )


UNPAID = {"paid": 0, "virtual_account": ACCOUNT, "method": "virtual_account"}
WAITING = "virtual_account_issued"


@pytest.mark.parametrize(
    ("payment", "expected"),
    [
        (sample("paid"), fact()),
        (sample("paid", **LATER), fact()),
        (sample("paid", channel__type="LIVE"), fact(live=True)),
        (sample("paid", currency="USD"), fact(currency="USD")),
        (
            sample("paid", method={"type": "PaymentMethodEasyPay", "provider": "NEW"}),
            fact(method="easy_pay"),
        ),
        (
            sample("paid", method={"type": "PaymentMethodEasyPay", "provider": "KAKAOPAY"}),
            fact(method="kakaopay"),
        ),
        (sample("paid", method=None), fact(method=None)),
        # A promotion pays like money, even all of it, and cancellations count it.
        (sample("paid", amount__discount=11000, amount__paid=0), fact()),
        (
            sample("partial_cancelled", amount__discount=10000, amount__paid=1000),
            fact(refunded=1100),
        ),
        (
            sample("partial_cancelled", status="CANCELLED", amount__paid=10000),
            fact(state="canceled", refunded=11000),
        ),
        (sample("paid", amount__total=10), fact(amount=10, paid=10)),
        (
            sample("failed"),
            fact(state="failed", paid=0, method=None, failure_reason="limit_or_balance"),
        ),
        # The company's sentence is for buyers, PortOne's own is not.
        (
            sample("failed", failure={"pgCode": "NEW", "reason": "PG said NEW"}),
            fact(state="failed", paid=0, method=None, failure_reason="declined"),
        ),
        (
            sample("failed", failure={"pgMessage": "a\x00b\ud800"}),
            fact(state="failed", paid=0, method=None, failure_reason="ab?"),
        ),
        (sample("failed", channel=None, failure={}), fact(state="failed", paid=0, method=None)),
        (sample("failed", status="READY", failure={}), fact(state="ready", paid=0, method=None)),
        (
            sample("paid", status="PAY_PENDING", paidAt=None, disputes=None),
            fact(state="ready", paid=0),
        ),
        # `amount.paid` is there although nobody has paid.
        (sample(WAITING), fact(state="awaiting_deposit", **UNPAID)),
        (
            sample(WAITING, method__expiredAt="2026-11-08T10:00:10+09:00"),
            fact(state="awaiting_deposit", **UNPAID),
        ),
        (sample(WAITING, status="CANCELLED"), fact(state="canceled", **UNPAID)),
        (
            sample(WAITING, status="CANCELLED", cancellations=[cancellation(11000)]),
            fact(state="canceled", **UNPAID),
        ),
        (sample("partial_cancelled"), fact(refunded=1100)),
        (
            sample("partial_cancelled", cancellations=[cancellation(), cancellation(2000)]),
            fact(refunded=3100),
        ),
        (
            sample(
                "partial_cancelled",
                cancellations=[
                    cancellation(),
                    cancellation(2000, status="REQUESTED"),
                    cancellation(3000, status="FAILED"),
                ],
            ),
            fact(refunded=1100, refunding=2000),
        ),
        # On its way, and then neither back nor on its way.
        (
            sample("paid", cancellations=[cancellation(status="REQUESTED")]),
            fact(refunding=1100),
        ),
        (sample("paid", cancellations=[cancellation(status="FAILED")]), fact()),
        (
            sample(
                "partial_cancelled",
                cancellations=[cancellation(10000), cancellation(9000, status="REQUESTED")],
            ),
            fact(refunded=10000, refunding=1000),
        ),
        (
            sample(
                "partial_cancelled",
                status="CANCELLED",
                cancellations=[cancellation(), cancellation(9900, status="REQUESTED")],
            ),
            fact(state="canceled", refunded=1100, refunding=9900),
        ),
        (
            sample(
                "paid",
                disputes=[{"status": "UNRESOLVED"}],
                cancellations=[cancellation(1000, status="REQUESTED")],
            ),
            fact(refunding=1000, disputed=10000),
        ),
        (sample("paid", cancellations=[cancellation(500)]), fact(refunded=500)),
        (
            sample("partial_cancelled", status="CANCELLED", cancellations=[cancellation(11000)]),
            fact(state="canceled", refunded=11000),
        ),
        (
            sample("partial_cancelled", cancellations=[cancellation(trigger="CHARGEBACK")]),
            fact(withdrawn=1100),
        ),
        (
            sample(
                "partial_cancelled",
                status="CANCELLED",
                cancellations=[cancellation(), cancellation(9900, trigger="CHARGEBACK")],
            ),
            fact(state="canceled", refunded=1100, withdrawn=9900),
        ),
        (
            sample("paid", disputes=[{"status": "UNRESOLVED", "reason": "?"}]),
            fact(disputed=11000),
        ),
        (
            sample("paid", disputes=[{"status": "UNRESOLVED"}], cancellations=[cancellation(1000)]),
            fact(refunded=1000, disputed=10000),
        ),
        (sample("paid", disputes=[{"status": "RESOLVED", "reason": "?"}]), fact()),
    ],
)
async def test_payment_is_read_as(
    v2: SimulatedV2, payment: dict[str, Any], expected: GatewayPayment
) -> None:
    v2.simulator.store.put("payment", TX, payment)
    assert await v2.gateway().read(ID, None) == expected
    assert await v2.gateway().read(ID, TX) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "TELEPORTED"},
        {"status": 7},
        {"storeId": "store-other"},
        {"transactionId": "a/../b"},
        {"transactionId": None},
        {"amount": None},
        {"amount__total": "11000"},
        {"amount__total": 11000.5},
        {"amount__total": -1},
        {"amount__total": 2**53},
        {"amount__total": True},
        {"currency": "CURRENCY_KRW"},
        {"channel": None},
        {"channel__type": "SANDBOX"},
        {"cancellations": "none"},
        {"cancellations": [{"status": "SUCCEEDED"}]},
        {"cancellations": [cancellation(4000, status="TELEPORTED")]},
        {"amount__cancelled": 1100},
        {"amount__cancelled": None},
        {"disputes": None},
        {"disputes": [{"status": "TELEPORTED"}]},
        # What is canceled says how much of it, and whether it was paid.
        {"status": "PARTIAL_CANCELLED"},
        {"status": "PARTIAL_CANCELLED", "cancellations": []},
        {"status": "CANCELLED"},
        {"status": "CANCELLED", "paidAt": None, "cancellations": [cancellation(11000)]},
        {"status": "CANCELLED", "paidAt": None, "method": None},
        {"status": "VIRTUAL_ACCOUNT_ISSUED"},
        {"status": "FAILED"},
        {"paidAt": None},
        {"method": {"type": "PaymentMethodVirtualAccount", "expiredAt": "soon"}},
    ],
)
async def test_answer_that_makes_no_sense_is_no_answer(
    v2: SimulatedV2, changes: dict[str, Any]
) -> None:
    v2.simulator.store.put("payment", TX, sample("paid", **changes))
    with pytest.raises(GatewayUnavailable) as caught:
        await v2.gateway().read(ID, None)
    assert caught.value.code == "gateway_nonsense"


async def test_payment_of_another_id_is_not_taken_for_the_one_asked_for(v2: SimulatedV2) -> None:
    answer = httpx.Response(200, json=sample("paid", id="topup_01hzx3"))
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as client:
        gateway = replace(v2, http=client).gateway()
        with pytest.raises(GatewayUnavailable) as caught:
            await gateway.read(ID, None)
        assert (await gateway.read("topup_01hzx3", None)).paid == 11000
    assert caught.value.code == "gateway_nonsense"


@pytest.mark.parametrize(
    "order_id", ["a/cancel", "../login/api-secret", "a?storeId=x", "한글", "%2e"]
)
async def test_id_is_one_part_of_the_address(v2: SimulatedV2, order_id: str) -> None:
    with pytest.raises(PaymentUnknownAtGateway):
        await v2.gateway().read(order_id, None)


@pytest.mark.parametrize("key", ["", "a/b", "../x", "a?b", "a" * 65, "a b", "한"])
async def test_key_of_another_form_never_gets_out(v2: SimulatedV2, key: str) -> None:
    with pytest.raises(InvalidPaymentKey):
        v2.gateway().check_key(key)
    with pytest.raises(InvalidPaymentKey):
        await v2.gateway().read(ORDER, key)


async def test_unknown_payment(v2: SimulatedV2) -> None:
    with pytest.raises(PaymentUnknownAtGateway):
        await v2.gateway().read(ORDER, None)
    with pytest.raises(PaymentUnknownAtGateway):
        await v2.gateway().read(None, TX)


async def test_attempt_that_succeeded_counts_whichever_is_asked_for(v2: SimulatedV2) -> None:
    failed = await v2.pay(outcome="failed")
    paid = await v2.pay()
    found = await v2.gateway().read(ORDER, failed)
    assert (found.payment_key, found.state) == (paid, "paid")


@pytest.mark.parametrize(("live", "expected"), [(True, True), (False, False)])
async def test_attempt_without_a_channel_yet_speaks_against_no_mode(
    v2: SimulatedV2, live: bool, expected: bool
) -> None:
    await v2.pay(outcome="abandoned")
    assert (await v2.gateway(live=live).read(ORDER, None)).live is expected
