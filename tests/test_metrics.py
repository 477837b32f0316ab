from __future__ import annotations

import pytest

from coinslot.errors import (
    CoinslotError,
    GatewayTimeout,
    GatewayUnavailable,
    InvalidPaymentKey,
    PaymentRefused,
    PaymentUnknownAtGateway,
    RefundDeclined,
    RefundKeySpent,
)
from coinslot.gateways.http import GatewayNonsense
from coinslot.gateways.toss.confirmation import ConfirmUnknown
from coinslot.metrics import REGISTRY, gateway_call


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (GatewayTimeout(), "timeout"),
        (GatewayUnavailable(), "unavailable"),
        (GatewayNonsense(), "nonsense"),
        (GatewayUnavailable(code="gateway_refused"), "refused"),
        (GatewayUnavailable(code="gateway_rejected_keys"), "refused"),
        (ConfirmUnknown(), "unclear"),
        (RefundKeySpent(), "unclear"),
        (RefundDeclined("NO", "no"), "declined"),
        (PaymentRefused(), "declined"),
        (InvalidPaymentKey(), "declined"),
        (PaymentUnknownAtGateway(), None),
    ],
    ids=lambda each: each.code if isinstance(each, CoinslotError) else str(each),
)
def test_failures_of_a_gateway_are_told_apart(error: CoinslotError, kind: str | None) -> None:
    before = _errors()
    with pytest.raises(type(error)), gateway_call("acme", "read"):
        raise error
    grown = {name: count - before.get(name, 0) for name, count in _errors().items()}
    assert {name for name, count in grown.items() if count} == ({kind} if kind else set())


def test_call_that_is_canceled_is_timed_and_no_error() -> None:
    calls = {"gateway": "acme", "operation": "read"}
    name = "coinslot_gateway_call_duration_seconds_count"
    before, errors = REGISTRY.get_sample_value(name, calls) or 0, _errors()
    with pytest.raises(TimeoutError), gateway_call("acme", "read"):
        raise TimeoutError
    assert REGISTRY.get_sample_value(name, calls) == before + 1
    assert _errors() == errors


def _errors() -> dict[str, float]:
    return {
        sample.labels["kind"]: sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "coinslot_gateway_errors_total" and sample.labels["gateway"] == "acme"
    }
