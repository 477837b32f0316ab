"""The counters of this process, for Prometheus.

Labels are few and known beforehand: no id, no path as it was asked for, nothing a caller chose.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import product
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from coinslot.errors import (
    CoinslotError,
    GatewayTimeout,
    GatewayUnavailable,
    PaymentUnknownAtGateway,
)
from coinslot.traces import span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# They double the series, to say when a process began to count.
disable_created_metrics()  # type: ignore[no-untyped-call]

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

# Seconds. A webhook may have to wait for its gateway's records for as long as it is tried.
_LAG = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200)
_CALL = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ANSWER = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

PAYMENTS = Counter(
    "coinslot_payments",
    "Reads of payments handed to the database: what they changed, and how the order stands since.",
    ["gateway", "outcome", "status"],
    registry=REGISTRY,
)
WEBHOOKS = Counter(
    "coinslot_webhooks",
    "Deliveries, by what was decided about them.",
    ["gateway", "verdict"],
    registry=REGISTRY,
)
WEBHOOK_OUTCOMES = Counter(
    "coinslot_webhook_outcomes",
    "What came of the reads that webhooks led to.",
    ["gateway", "outcome"],
    registry=REGISTRY,
)
WEBHOOK_LAG = Histogram(
    "coinslot_webhook_lag_seconds",
    "From the receipt of a webhook until what it led to was applied.",
    ["gateway"],
    buckets=_LAG,
    registry=REGISTRY,
)
GATEWAY_CALLS = Histogram(
    "coinslot_gateway_call_duration_seconds",
    "How long a gateway took to prepare, read, confirm or refund a payment, or to list some.",
    ["gateway", "operation"],
    buckets=_CALL,
    registry=REGISTRY,
)
GATEWAY_ERRORS = Counter(
    "coinslot_gateway_errors",
    "Calls that brought nothing: timeout, unavailable, nonsense, refused, unclear; or declined.",
    ["gateway", "operation", "kind"],
    registry=REGISTRY,
)
HTTP_REQUESTS = Counter(
    "coinslot_http_requests",
    "Requests answered, by the route's template.",
    ["method", "route", "status"],
    registry=REGISTRY,
)
HTTP_SECONDS = Histogram(
    "coinslot_http_request_duration_seconds",
    "How long requests took to answer.",
    ["route"],
    buckets=_ANSWER,
    registry=REGISTRY,
)
DELIVERIES = Counter(
    "coinslot_deliveries",
    "Events sent to endpoints of the app, by what came of it: delivered, failed or gone.",
    ["outcome"],
    registry=REGISTRY,
)
DELIVERY_SECONDS = Histogram(
    "coinslot_delivery_duration_seconds",
    "How long endpoints of the app took to answer.",
    buckets=_CALL,
    registry=REGISTRY,
)
MAILS = Counter(
    "coinslot_mails",
    "Mails handed to the mail server, by what came of it.",
    ["outcome"],
    registry=REGISTRY,
)
RUNS = Counter(
    "coinslot_background_runs",
    "Rounds of the work beside the requests.",
    ["work", "result"],
    registry=REGISTRY,
)


_OPERATIONS = ("prepare", "read", "confirm", "refund", "close", "list")
_ERRORS = ("timeout", "unavailable", "nonsense", "refused", "unclear", "declined")


def expect_gateways(names: Iterable[str]) -> None:
    """Shows the failures of these gateways from the start: what appears with its first one has not
    grown, and no alert would see it."""
    for name, operation, kind in product(names, _OPERATIONS, _ERRORS):
        GATEWAY_ERRORS.labels(name, operation, kind)


def expect_work(name: str) -> None:
    """The same of the work beside the requests."""
    for result in ("done", "failed"):
        RUNS.labels(name, result)


def request_answered(method: str, template: str | None, status: int, seconds: float) -> None:
    """`template` is None where nothing is at the address; then the method is the caller's own."""
    route, known = template or "other", method if template else "other"
    HTTP_REQUESTS.labels(known, route, str(status)).inc()
    HTTP_SECONDS.labels(route).observe(seconds)


@contextmanager
def gateway_call(gateway: str, operation: str) -> Iterator[None]:
    """Times a call to a gateway, and counts how it failed."""
    with span(f"gateway {operation}", gateway=gateway), _timed(gateway, operation):
        yield


@contextmanager
def _timed(gateway: str, operation: str) -> Iterator[None]:
    with GATEWAY_CALLS.labels(gateway, operation).time():
        try:
            yield
        except CoinslotError as error:
            if kind := _kind(error):
                GATEWAY_ERRORS.labels(gateway, operation, kind).inc()
            raise


# Rejected keys and calls count as `refused`: they say nothing about the payment.
_KINDS = {
    "gateway_nonsense": "nonsense",
    "gateway_refused": "refused",
    "gateway_rejected_keys": "refused",
    "confirm_unknown": "unclear",
    "refund_unknown": "unclear",
}


def _kind(error: CoinslotError) -> str | None:
    """The kind of a failure. None for an unknown payment: that is an ordinary answer."""
    if isinstance(error, GatewayTimeout):
        return "timeout"
    if isinstance(error, GatewayUnavailable):
        return _KINDS.get(error.code, "unavailable")
    return None if isinstance(error, PaymentUnknownAtGateway) else "declined"
