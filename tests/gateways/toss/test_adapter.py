"""The Toss client: what it reads a payment as, over HTTP against the simulator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.base import GatewayPayment, Order, VirtualAccount
from coinslot.gateways.toss.payment import TossPayment, read_as

if TYPE_CHECKING:
    from tests.support.toss import SimulatedToss

SAMPLES = json.loads((Path(__file__).parent / "samples.json").read_text())
KEY = "tgen_20261101010000abCD1"
ORDER = Order("topup_01HZX3", "100 tokens", 11000, "KRW")
ACCOUNT = VirtualAccount("우리은행", "X6505636518308", "김토큰", "2026-11-08T01:00:00+00:00")


def sample(name: str, **changes: object) -> dict[str, Any]:
    return {**SAMPLES[name], **changes}


def fact(**changes: Any) -> TossPayment:  # noqa: ANN401
    """The fact that `payment_card_done` is read as, with changes."""
    return TossPayment(
        **{
            "order_id": "topup_01HZX3",
            "payment_key": KEY,
            "state": "paid",
            "amount": 11000,
            "currency": "KRW",
            "live": False,
            "paid": 11000,
            "method": "card",
            "secret": "ps_0123456789abcdef",
            **changes,
        }
    )


def cancels(*amounts: int, status: str = "DONE") -> list[dict[str, object]]:
    return [{"cancelAmount": amount, "cancelStatus": status} for amount in amounts]


VBANK = {"method": "virtual_account", "virtual_account": ACCOUNT}


def sent_back(refund_status: str, **changes: object) -> dict[str, Any]:
    """A deposit that was canceled in two parts."""
    account = {**SAMPLES["payment_vbank_done"]["virtualAccount"], "refundStatus": refund_status}
    return (
        sample(
            "payment_vbank_done",
            status="CANCELED",
            balanceAmount=0,
            virtualAccount=account,
            cancels=[
                {**each, "refundableAmount": left}
                for each, left in zip(cancels(1000, 10000), (10000, 0), strict=True)
            ],
        )
        | changes
    )


@pytest.mark.parametrize(
    ("payment", "expected"),
    [
        (sample("payment_card_done"), fact()),
        (
            sample("payment_card_done", status="READY", method=None, approvedAt=None),
            fact(state="ready", paid=0, method=None),
        ),
        (
            sample("payment_card_done", status="IN_PROGRESS", approvedAt=None),
            fact(state="ready", paid=0),
        ),
        (sample("payment_vbank_waiting"), fact(state="awaiting_deposit", paid=0, **VBANK)),
        (sample("payment_vbank_done"), fact(**VBANK)),
        # The bank takes the deposit back: what was DONE waits again.
        (
            sample("payment_vbank_done", status="WAITING_FOR_DEPOSIT", approvedAt=None),
            fact(state="awaiting_deposit", paid=0, **VBANK),
        ),
        (sample("payment_partial_canceled"), fact(refunded=1100)),
        (
            sample(
                "payment_partial_canceled", cancels=cancels(1100) + cancels(9900, status="ABORTED")
            ),
            fact(refunded=1100),
        ),
        # A cancel that is under way has given nothing back yet, whatever the balance says.
        (
            sample("payment_partial_canceled", cancels=cancels(1100, status="IN_PROGRESS")),
            fact(refunding=1100),
        ),
        (
            sample("payment_card_done", cancels=cancels(1100, status="IN_PROGRESS")),
            fact(refunding=1100),
        ),
        (
            sample("payment_canceled", cancels=cancels(11000, status="IN_PROGRESS")),
            fact(state="paid", refunding=11000),
        ),
        (sample("payment_card_done", cancels=cancels(11000, status="ABORTED")), fact()),
        (
            sample("payment_canceled", cancels=cancels(11000, status="ABORTED") + cancels(11000)),
            fact(state="canceled", refunded=11000),
        ),
        (
            sample(
                "payment_canceled",
                discount={"amount": 1000},
                cancels=cancels(10000, status="IN_PROGRESS"),
            ),
            fact(state="paid", refunding=11000),
        ),
        # A deposit is back once it has arrived at the account it was sent to.
        (sent_back("PENDING"), fact(state="paid", refunded=1000, refunding=10000, **VBANK)),
        (sent_back("FAILED"), fact(state="paid", refunded=1000, refunding=10000, **VBANK)),
        # It is on its way no more where the balance has it again, and only there.
        (
            sent_back("FAILED", status="PARTIAL_CANCELED", balanceAmount=10000),
            fact(refunded=1000, **VBANK),
        ),
        (
            sent_back("PENDING", status="PARTIAL_CANCELED", balanceAmount=10000),
            fact(refunded=1000, refunding=10000, **VBANK),
        ),
        (
            sent_back("FAILED", status="PARTIAL_CANCELED", balanceAmount=1000),
            fact(refunded=1000, refunding=10000, **VBANK),
        ),
        (
            sent_back("FAILED", balanceAmount=10000),
            fact(state="paid", refunded=1000, refunding=10000, **VBANK),
        ),
        (sent_back("COMPLETED"), fact(state="canceled", refunded=11000, **VBANK)),
        (sent_back("NONE"), fact(state="canceled", refunded=11000, **VBANK)),
        # A discount that went with it need not be in its amount.
        (
            sample(
                "payment_partial_canceled",
                cancels=[{**cancels(1000)[0], "easyPayDiscountAmount": 100}],
            ),
            fact(refunded=1000),
        ),
        (sample("payment_canceled"), fact(state="canceled", refunded=11000)),
        # Canceled before the deposit: never paid.
        (
            sample("payment_vbank_waiting", status="CANCELED", balanceAmount=0),
            fact(state="canceled", paid=0, **VBANK),
        ),
        (
            sample("payment_card_done", status="EXPIRED", approvedAt=None),
            fact(state="failed", paid=0, failure_reason="EXPIRED"),
        ),
        (
            sample(
                "payment_card_done",
                status="ABORTED",
                approvedAt=None,
                failure={"code": "X", "message": "a\x00b"},
            ),
            fact(state="failed", paid=0, failure_reason="ab"),
        ),
        # Points and discounts pay like money, even all of it, and cancels count them.
        (sample("payment_card_done", easyPay={"amount": 0, "discountAmount": 11000}), fact()),
        (sample("payment_card_done", discount={"amount": 11000}), fact()),
        (sample("payment_partial_canceled", discount={"amount": 10000}), fact(refunded=1100)),
        (
            sample("payment_canceled", discount={"amount": 1000}, cancels=cancels(10000)),
            fact(state="canceled", refunded=11000),
        ),
        (
            sample("payment_partial_canceled", balanceAmount=0, cancels=cancels(10000)),
            fact(refunded=11000),
        ),
        (
            sample("payment_canceled", cancels=cancels(1100) + cancels(9900, status="IN_PROGRESS")),
            fact(state="paid", refunded=1100, refunding=9900),
        ),
        (
            sample("payment_card_done", totalAmount=181.56, balanceAmount=181.56, currency="USD"),
            fact(amount=18156, paid=18156, currency="USD"),
        ),
        (sample("payment_card_done", method="양자결제", brandNew=[1]), fact(method="양자결제")),
        (sample("payment_card_done", secret=None), fact(secret=None)),
    ],
)
async def test_payment_is_read_as(
    toss: SimulatedToss, payment: dict[str, Any], expected: GatewayPayment
) -> None:
    toss.simulator.store.put("payment", KEY, payment)
    assert await toss.gateway().read(None, KEY) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"paymentKey": "tgen_another"},
        {"totalAmount": "many"},
        {"totalAmount": -1},
        {"totalAmount": None},
        {"totalAmount": 2**53},
        {"totalAmount": 1e300},
        {"totalAmount": 10.5},
        {"balanceAmount": 12000},
        {"currency": "₩"},
        {"status": "TELEPORTED"},
        {"orderId": None},
        {"approvedAt": "yesterday"},
        {"virtualAccount": {"accountNumber": None}},
    ],
)
async def test_answer_that_makes_no_sense_is_no_answer(
    toss: SimulatedToss, changes: dict[str, Any]
) -> None:
    toss.simulator.store.put("payment", KEY, sample("payment_card_done", **changes))
    with pytest.raises(GatewayUnavailable) as caught:
        await toss.gateway().read(None, KEY)
    assert caught.value.code == "gateway_nonsense"


class TestVirtualAccount:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({}, ACCOUNT),
            ({"dueDate": "2026-11-08T10:00:00"}, ACCOUNT),
            ({"bankCode": "99", "customerName": None}, None),
        ],
    )
    def test_is_told_in_utc_with_the_banks_name(
        self, changes: dict[str, Any], expected: VirtualAccount | None
    ) -> None:
        account = {**SAMPLES["payment_vbank_waiting"]["virtualAccount"], **changes}
        read = read_as(sample("payment_vbank_waiting", virtualAccount=account), live=False)
        bare = VirtualAccount("99", "X6505636518308", None, ACCOUNT.due_at)
        assert read.virtual_account == (expected or bare)


class TestMode:
    @pytest.mark.parametrize(
        ("key", "live"), [("test_sk_x", False), ("live_sk_x", True), ("live_gsk_x", True)]
    )
    async def test_is_that_of_the_key(self, toss: SimulatedToss, key: str, live: bool) -> None:
        """A Payment does not say it, and a key sees no payments of the other mode."""
        gateway = toss.gateway(secret_key=key)
        toss.simulator._access._secret_key = key  # noqa: SLF001
        try:
            toss.simulator.store.put("payment", KEY, sample("payment_card_done"))
            assert (await gateway.read(None, KEY)).live is live
        finally:
            toss.simulator._access._secret_key = "test_sk_sandbox"  # noqa: SLF001


class TestSecret:
    async def test_goes_to_the_database_and_is_shown_nowhere(self, toss: SimulatedToss) -> None:
        toss.simulator.store.put("payment", KEY, sample("payment_card_done"))
        read = await toss.gateway().read(None, KEY)
        assert read.arguments()["secret"] == "ps_0123456789abcdef"
        assert "shown" not in read.arguments()
        assert "ps_0123456789abcdef" not in f"{read!r} {read.shown}"
