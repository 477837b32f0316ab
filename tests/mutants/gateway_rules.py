"""Rules of reading gateways, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Edit, SidecarMutant

_GATEWAYS = "sidecar/coinslot/gateways"
_TESTS = "tests/gateways"
_STRIPE, _TOSS = f"{_TESTS}/stripe/test_payment.py", f"{_TESTS}/toss/test_silence.py"
_V1, _V2 = (f"{_TESTS}/portone/{version}/test_adapter.py" for version in ("v1", "v2"))
_SILENT = "a payment that leaves out what decides concludes nothing"
_UNKNOWN = "a word that nobody knows concludes nothing"


def _read(name: str, breaks: str, file: str, old: str, new: str, *proof: str) -> SidecarMutant:
    return SidecarMutant(name, breaks, Edit(f"{_GATEWAYS}/{file}", old, new), proof)


MUTANTS = (
    _read(
        "stripe-charge-not-shown",
        _SILENT,
        "stripe/payment.py",
        "if succeeded and intent.charge is None:",
        "if False:",
        _STRIPE,
    ),
    _read(
        "stripe-one-witness",
        "status and money received have to agree",
        "stripe/payment.py",
        "if succeeded != (intent.amount_received > 0):",
        "if False:",
        _STRIPE,
    ),
    _read(
        "stripe-refunds-not-counted",
        "the refunds that are shown are those that the charge counts",
        "stripe/payment.py",
        "if not done <= charge.amount_refunded <= done + under_way + undone:",
        "if False:",
        _STRIPE,
    ),
    _read(
        "stripe-unknown-refund",
        _UNKNOWN,
        "stripe/payment.py",
        'raise ValueError("unknown status of a refund")',
        "under_way += refund.amount",
        _STRIPE,
    ),
    _read(
        "stripe-unknown-dispute",
        _UNKNOWN,
        "stripe/dispute.py",
        'raise ValueError("unknown status of a dispute")',
        "contested += amount",
        _STRIPE,
    ),
    _read(
        "stripe-dispute-not-shown",
        _SILENT,
        "stripe/adapter.py",
        "if page.has_more or not page.data:",
        "if False:",
        f"{_TESTS}/stripe/test_adapter.py::TestRead",
    ),
    _read(
        "price-refused-is-an-outage",
        "a price that a gateway refuses is a refusal",
        "stripe/adapter.py",
        "return AmountNotChargeable() if is_of_the_price(error) else unknown(error)",
        "return unknown(error)",
        f"{_TESTS}/stripe/test_prices.py",
    ),
    SidecarMutant(
        "unpayable-order-stays-open",
        "an order that nobody can pay takes no place",
        Edit(
            "sidecar/coinslot/payments/orders.py",
            'await self._settlements.call_off(token, order.order_id, refusal, "checkout")',
            "del refusal",
        ),
        ("tests/e2e/test_checkout.py::TestPriceThatTheGatewayRefuses",),
    ),
    _read(
        "toss-cancels-not-shown",
        _SILENT,
        "toss/payment.py",
        'if returned or payment.status != "DONE":',
        "if False:",
        _TOSS,
    ),
    _read(
        "toss-balance-not-explained",
        "the cancels that are shown explain the balance",
        "toss/payment.py",
        "if not done <= returned <= done + under_way + discounts:",
        "if False:",
        _TOSS,
    ),
    _read(
        "toss-canceled-unpaid",
        _SILENT,
        "toss/payment.py",
        'if not told or account is None or account.refundStatus != "NONE":',
        "if False:",
        _TOSS,
    ),
    _read(
        "toss-paid-never-approved",
        "a status that another field denies moves nothing",
        "toss/payment.py",
        "if paid and told and payment.approvedAt is None:",
        "if False:",
        _TOSS,
    ),
    _read(
        "toss-unknown-transfer",
        _UNKNOWN,
        "toss/payment.py",
        "if account is not None and account.refundStatus not in TRANSFERS:",
        "if False:",
        _TOSS,
    ),
    _read(
        "toss-one-key-for-ever",
        "an error that its key repeats is got past under another",
        "toss/confirmation.py",
        'suffix = f":{number + 1}" if number else ""',
        'suffix = ""',
        f"{_TESTS}/toss/test_confirm.py::TestStoredError",
    ),
    _read(
        "toss-new-key-in-doubt",
        "another key is asked after an error that is kept, and no other doubt",
        "toss/confirmation.py",
        "if kept and fact is not None and fact.agreed:",
        "if fact is not None and fact.agreed:",
        f"{_TESTS}/toss/test_confirm.py::TestStoredError",
    ),
    SidecarMutant(
        "aborted-without-its-words",
        "a payment that was aborted is told in the gateway's own words",
        Edit(
            "sidecar/coinslot/payments/outcomes.py",
            'if fact.state == "failed" and fact.failure_code and',
            "if False and",
        ),
        ("tests/e2e/test_toss_confirm.py::TestDoubt::test_approval_that_failed_in_the_end",),
    ),
    _read(
        "portone-v1-mode-not-told",
        _SILENT,
        "portone/v1/payment.py",
        "    sandbox: StrictBool",
        "    sandbox: StrictBool = False",
        _V1,
    ),
    _read(
        "portone-v1-canceled-unpaid",
        _SILENT,
        "portone/v1/payment.py",
        'if payment.status == "cancelled" and payment.paid_at is None:',
        "if False:",
        _V1,
    ),
    _read(
        "portone-v2-cancellations-not-shown",
        _SILENT,
        "portone/v2/payment.py",
        "if told < payment.amount.cancelled or (told == 0 and not whole):",
        "if False:",
        _V2,
    ),
    _read(
        "portone-v2-unknown-cancellation",
        _UNKNOWN,
        "portone/v2/payment.py",
        "if any(each.status not in CANCELLATIONS for each in cancellations):",
        "if False:",
        _V2,
    ),
    _read(
        "portone-v2-disputes-not-shown",
        _SILENT,
        "portone/v2/payment.py",
        "if payment.disputes is None and whole:",
        "if False:",
        _V2,
    ),
    _read(
        "portone-v2-canceled-unpaid",
        _SILENT,
        "portone/v2/payment.py",
        "payment.method.type not in _LATER or payment.method.refund_status:",
        "payment.method.refund_status:",
        _V2,
    ),
)
