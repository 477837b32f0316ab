"""Each alert rings for what it is about, and for nothing else, as Prometheus' own tool says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.support.documentation import DOCS, anchors
from tests.support.prometheus import ALERTS, promtool

if TYPE_CHECKING:
    from pathlib import Path

Series = dict[str, str]

RULES = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
NAMES = [rule["alert"] for rule in RULES if "alert" in rule]

MINUTES = 40
TOSS = 'gateway="toss"'
READ = f'{TOSS},operation="read"'


def steady(value: float) -> str:
    return f"{value}+0x{MINUTES}"


def growing(by: float) -> str:
    """So much more each minute, from the beginning on."""
    return f"0+{by}x{MINUTES}"


# A day like any other. The clock of these tests begins at 0, when the books were just checked.
WELL: Series = {
    "coinslot_database_up": steady(1),
    f"coinslot_webhooks_overdue_seconds{{{TOSS}}}": steady(5),
    f"coinslot_payments_overdue_seconds{{{TOSS}}}": steady(20),
    f"coinslot_closings_overdue_seconds{{{TOSS}}}": steady(20),
    f"coinslot_refunds_oldest_seconds{{{TOSS}}}": steady(600),
    'coinslot_events_overdue_seconds{endpoint="e"}': steady(5),
    'coinslot_endpoint_failing_seconds{endpoint="e"}': steady(600),
    "coinslot_ledger_unsound_wallets": steady(0),
    "coinslot_ledger_check_timestamp_seconds": steady(0),
    f'coinslot_payments_total{{{TOSS},outcome="credited",status="completed"}}': growing(3),
    f'coinslot_webhooks_total{{{TOSS},verdict="read"}}': growing(3),
    f'coinslot_webhook_lag_seconds_bucket{{{TOSS},le="1"}}': growing(3),
    f'coinslot_webhook_lag_seconds_bucket{{{TOSS},le="300"}}': growing(3),
    f'coinslot_webhook_lag_seconds_bucket{{{TOSS},le="+Inf"}}': growing(3),
    f'coinslot_gateway_call_duration_seconds_bucket{{{READ},le="1"}}': growing(10),
    f'coinslot_gateway_call_duration_seconds_bucket{{{READ},le="30"}}': growing(10),
    f'coinslot_gateway_call_duration_seconds_bucket{{{READ},le="+Inf"}}': growing(10),
    f"coinslot_gateway_call_duration_seconds_count{{{READ}}}": growing(10),
    f'coinslot_gateway_errors_total{{{READ},kind="timeout"}}': growing(1),
    f'coinslot_gateway_errors_total{{{READ},kind="declined"}}': growing(5),
    'coinslot_http_requests_total{method="POST",route="/a",status="200"}': growing(100),
    'coinslot_http_requests_total{method="POST",route="/a",status="503"}': growing(1),
    'coinslot_http_requests_total{method="GET",route="/ready",status="503"}': growing(20),
    'coinslot_http_request_duration_seconds_bucket{route="/a",le="0.5"}': growing(100),
    'coinslot_http_request_duration_seconds_bucket{route="/a",le="10"}': growing(100),
    'coinslot_http_request_duration_seconds_bucket{route="/a",le="+Inf"}': growing(100),
    'coinslot_background_runs_total{work="reconcile",result="done"}': growing(4),
    'coinslot_background_runs_total{work="maintain",result="done"}': growing(1),
    'coinslot_background_runs_total{work="audit",result="failed"}': f"1+0x{MINUTES}",
}

# One thing that is otherwise each time.
WRONG: dict[str, Series] = {
    "CoinslotDatabaseAway": {"coinslot_database_up": steady(0)},
    "CoinslotWebhooksOverdue": {f"coinslot_webhooks_overdue_seconds{{{TOSS}}}": steady(90)},
    "CoinslotWebhooksSlow": {f'coinslot_webhook_lag_seconds_bucket{{{TOSS},le="1"}}': growing(0)},
    "CoinslotWebhooksRefused": {
        f'coinslot_webhooks_total{{{TOSS},verdict="invalid_signature"}}': growing(1)
    },
    "CoinslotReadsOverdue": {f"coinslot_payments_overdue_seconds{{{TOSS}}}": steady(700)},
    "CoinslotClosingsOverdue": {f"coinslot_closings_overdue_seconds{{{TOSS}}}": steady(700)},
    "CoinslotRefundsOld": {f"coinslot_refunds_oldest_seconds{{{TOSS}}}": steady(90_000)},
    "CoinslotEventsOverdue": {'coinslot_events_overdue_seconds{endpoint="e"}': steady(400)},
    "CoinslotDiscrepancy": {
        f'coinslot_discrepancies_open{{{TOSS},kind="wrong_amount"}}': steady(1)
    },
    "CoinslotLedgerUnsound": {"coinslot_ledger_unsound_wallets": steady(1)},
    "CoinslotGatewayFailing": {
        f'coinslot_gateway_errors_total{{{READ},kind="timeout"}}': growing(4)
    },
    "CoinslotGatewayRefuses": {
        f'coinslot_gateway_errors_total{{{READ},kind="refused"}}': growing(0.5)
    },
    "CoinslotGatewaySlow": {
        f'coinslot_gateway_call_duration_seconds_bucket{{{READ},le="1"}}': growing(5)
    },
    "CoinslotServerErrors": {
        'coinslot_http_requests_total{method="POST",route="/a",status="503"}': growing(10)
    },
    "CoinslotRequestsSlow": {
        'coinslot_http_request_duration_seconds_bucket{route="/a",le="0.5"}': growing(50)
    },
    "CoinslotWorkFailing": {
        'coinslot_background_runs_total{work="audit",result="failed"}': growing(1)
    },
    "CoinslotWorkStopped": {
        'coinslot_background_runs_total{work="reconcile",result="done"}': steady(7)
    },
}
# Those that are about days or weeks, or about nothing being there: a test of their own.
APART = {"CoinslotServersGone", "CoinslotLedgerUnchecked", "CoinslotNoSales"}


ONE = {"labels": "{}", "value": 1}


def case(series: Series, ringing: set[str], at: str, interval: str = "1m") -> dict[str, Any]:
    later = f"{int(at[:-1]) + 1}{at[-1]}"
    query = 'count by (alertname) (ALERTS{alertstate="firing"})'
    samples = [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(ringing)]
    return {
        "interval": interval,
        "input_series": [{"series": name, "values": value} for name, value in series.items()],
        "promql_expr_test": [
            {"expr": query, "eval_time": at, "exp_samples": samples},
            # Rules are evaluated before the last time that a test asks for, not at it.
            {"expr": "vector(1)", "eval_time": later, "exp_samples": [ONE]},
        ],
    }


def judged(folder: Path, evaluated: str, *cases: dict[str, Any]) -> None:
    """An alert may be judged before the figure of the same moment is there: the one before it must
    not be older than the five minutes for which Prometheus looks back."""
    file = folder / "test.yml"
    written = {"rule_files": [str(ALERTS)], "evaluation_interval": evaluated, "tests": cases}
    file.write_text(yaml.safe_dump({**written, "tests": list(cases)}))
    promtool("test", "rules", str(file))


def test_rules_are_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", str(ALERTS))


def test_every_alert_is_tried() -> None:
    assert WRONG.keys() | APART == set(NAMES)
    assert len(NAMES) == len(set(NAMES))


def test_each_rings_alone(tmp_path: Path) -> None:
    cases = [case({**WELL, **wrong}, {name}, "39m") for name, wrong in WRONG.items()]
    judged(tmp_path, "1m", case(WELL, set(), "39m"), *cases)


def test_what_is_not_there_rings(tmp_path: Path) -> None:
    judged(
        tmp_path,
        "4m",
        case({}, {"CoinslotServersGone"}, "1h", "4m"),
        # The books were checked at 0, or never.
        case({"coinslot_database_up": "1+0x1000",
              "coinslot_ledger_check_timestamp_seconds": "0+0x1000"},
             {"CoinslotLedgerUnchecked"}, "51h", "4m"),
        case({"coinslot_database_up": "1+0x1000",
              "coinslot_ledger_check_timestamp_seconds": "0+0x1000"}, set(), "47h", "4m"),
        case({"coinslot_database_up": "1+0x1000"}, {"CoinslotLedgerUnchecked"}, "3h", "4m"),
    )  # fmt: skip


@pytest.mark.parametrize(("then", "rings"), [("0+2x2700", False), ("0+2x100 200+0x2700", True)])
def test_no_sales_where_there_were_some_a_week_ago(tmp_path: Path, then: str, rings: bool) -> None:
    series = {
        "coinslot_database_up": "1+0x2700",
        "coinslot_ledger_check_timestamp_seconds": "0+240x2700",
        'coinslot_payments_total{outcome="credited"}': then,
    }
    judged(tmp_path, "4m", case(series, {"CoinslotNoSales"} if rings else set(), "173h", "4m"))


def test_every_alert_leads_to_its_entry_in_the_runbook() -> None:
    known = anchors(DOCS / "runbook.md")
    for rule in RULES:
        if "alert" in rule:
            page, anchor = rule["annotations"]["runbook"].split("#")
            assert (page, anchor) == ("docs/runbook.md", rule["alert"].lower())
            assert anchor in known
