"""Builds `sidecar/deploy/dashboard.json` for Grafana: `python -m tests.monitoring.dashboard`.

Its types are Grafana's own. A test compares the file with what this builds, and asks each query of
a Prometheus that has scraped a running stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = ROOT / "sidecar/deploy/dashboard.json"
_SOURCE = "${datasource}"


@dataclass(frozen=True)
class Chart:
    """`legend` names the labels that tell its lines apart. `unit` is Grafana's name of one."""

    title: str
    told: str
    query: str
    legend: str = "{{gateway}}"
    unit: str = "short"
    number: bool = False
    """One number instead of lines over time; green at 0 and red above."""


ROWS: dict[str, tuple[Chart, ...]] = {
    "Needs a person": (
        Chart("Cases", "What `coinslot discrepancies list` shows.",
              "sum(coinslot:discrepancies_open:max) or vector(0)", "open", number=True),
        Chart("Unsound wallets", "Wallets whose books do not add up: stop and find out why.",
              "coinslot:ledger_unsound_wallets:max", "wallets", number=True),
        Chart("Since the books were checked", "A server checks all of them once a day.",
              "coinslot:ledger_check_age_seconds:min", "age", "s"),
        Chart("Cases by kind", "docs/runbook.md has an entry for each.",
              "coinslot:discrepancies_open:max", "{{kind}} {{gateway}}"),
    ),
    "Money": (
        Chart("Purchases an hour", "Payments that were credited.",
              'sum by (gateway) (increase(coinslot_payments_total{outcome="credited"}[1h]))'),
        Chart("Reads by outcome", "What reads of payments changed.",
              "sum by (outcome) (rate(coinslot_payments_total[5m]))", "{{outcome}}", "ops"),
        Chart("Orders in review", "Paid, but not what was ordered.",
              "max by (gateway) (coinslot_payments_in_review)"),
        Chart("Open refunds", "Refunds that are not over.",
              "max by (gateway) (coinslot_refunds_open)"),
    ),
    "Webhooks": (
        Chart("Deliveries by verdict", "What was decided about each when it came.",
              "sum by (gateway, verdict) (rate(coinslot_webhooks_total[5m]))",
              "{{gateway}} {{verdict}}", "ops"),
        Chart("From webhook to tokens", "The slowest of a hundred.",
              "coinslot:webhook_lag_seconds:p99", unit="s"),
        Chart("Waiting webhooks", "Not finished: being read, or due, or waiting for the gateway.",
              "max by (gateway) (coinslot_webhooks_waiting)"),
        Chart("Overdue webhooks", "Since the first was due that nobody has taken up.",
              "coinslot:webhooks_overdue_seconds:max", unit="s"),
    ),
    "Gateways": (
        Chart("Calls", "Calls to each gateway.",
              "sum by (gateway, operation)"
              " (rate(coinslot_gateway_call_duration_seconds_count[5m]))",
              "{{gateway}} {{operation}}", "ops"),
        Chart("Slowest of a hundred calls", "Beside COINSLOT_GATEWAY_TIMEOUT.",
              "coinslot:gateway_call_seconds:p99", unit="s"),
        Chart("Calls that bring nothing", "Time-outs, outages, nonsense, refusals.",
              "coinslot:gateway_failures:ratio10m", unit="percentunit"),
        Chart("Failures by kind", "`refused` is about our keys or our call.",
              "sum by (gateway, kind) (increase(coinslot_gateway_errors_total[10m]))",
              "{{gateway}} {{kind}}"),
    ),
    "Work that waits": (
        Chart("Orders to be read", "The reconciler's backlog.",
              "max by (gateway) (coinslot_payments_due)"),
        Chart("Overdue reads", "Since the first of them was due.",
              "coinslot:reads_overdue_seconds:max", unit="s"),
        Chart("Orders to be closed", "Over, and not closed at their gateway yet.",
              "max by (gateway) (coinslot_closings_waiting)"),
        Chart("Rounds of work", "Done and failed, by their name.",
              "sum by (work, result) (increase(coinslot_background_runs_total[15m]))",
              "{{work}} {{result}}"),
    ),
    "Servers": (
        Chart("Requests", "By the route's template.",
              "sum by (route) (rate(coinslot_http_requests_total[5m]))", "{{route}}", "reqps"),
        Chart("Slowest of a hundred requests", "Of all routes.",
              "coinslot:request_seconds:p99", "p99", "s"),
        Chart("Errors of ours", "Answers with 5xx.",
              "coinslot:server_errors:ratio10m", "5xx", "percentunit"),
        Chart("Memory", "Of each server.", "process_resident_memory_bytes",
              "{{instance}}", "bytes"),
    ),
}  # fmt: skip


def queries() -> Iterator[str]:
    for charts in ROWS.values():
        for chart in charts:
            yield chart.query


def built() -> str:
    """The dashboard as JSON that Grafana imports."""
    made = (
        dashboard.Dashboard("Coinslot")
        .uid("coinslot")
        .description("Purchases, webhooks, gateways, the backlog and the books")
        .tags(["coinslot"])
        .refresh("30s")
        .time("now-6h", "now")
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
        )
    )
    for title, charts in ROWS.items():
        made = made.with_row(dashboard.Row(title))
        for chart in charts:
            made = made.with_panel(_panel(chart))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def _panel(chart: Chart) -> stat.Panel | timeseries.Panel:
    panel = stat.Panel() if chart.number else timeseries.Panel().min(0).span_nulls(False)
    query = prometheus.Dataquery().expr(chart.query).legend_format(chart.legend)
    return (
        panel.title(chart.title)
        .description(chart.told)
        .unit(chart.unit)
        .span(6)
        .height(8)
        .datasource(DataSourceRef(type_val="prometheus", uid=_SOURCE))
        .with_target(query)
    )


if __name__ == "__main__":
    FILE.write_text(built())
