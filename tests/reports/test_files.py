"""Reports as files, and what makes no report."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from psycopg.types.json import Jsonb

from tests.database.people import Bank, Call, gateway_says
from tests.reports.shop import bank, report

__all__ = ["bank"]


def test_a_file_holds_what_a_report_has_and_no_formula(bank: Bank) -> None:
    owner, support = bank.operator("owner"), bank.operator("support")
    buyer = bank.user()
    order = bank.order(buyer)
    bank.ask(
        gateway_says(
            order, 1, state="failed", failure_reason='=HYPERLINK("http://x"), "said" the bank'
        )
    )
    today = date.today().isoformat()  # noqa: DTZ011 - a wide span around it
    options = Jsonb({"from": "2026-01-01", "to": max(today, "2027-01-01"), "step": "all"})
    asked = {"report": "declines", "options": options, "reason": "for the books"}
    text = bank.ask(Call("token_console_export", asked, owner))["token_console_export"]
    assert text.startswith("\ufeff")
    [row] = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert row["label"] == '\'=HYPERLINK("http://x"), "said" the bank'
    lines = bank.ask(Call("token_console_export", asked | {"format": "jsonl"}, owner))
    assert lines["token_console_export"].count("\n") == 1
    noted = bank.rows(
        "select count(*) as n from coinslot.operator_actions where action = %s", "report_exported"
    )
    assert noted[0]["n"] == 2
    with pytest.raises(Exception, match="forbidden"):
        bank.ask(Call("token_console_export", asked, support))


@pytest.mark.parametrize(
    "options",
    [
        {"from": "2026-01-01"},
        {"from": "2026-02-30", "to": "2026-03-01"},
        {"from": "2026-03-01", "to": "2026-02-01"},
        {"from": "2006-01-01", "to": "2026-02-01"},
        {"from": "2026-01-01", "to": "2026-02-01", "zone": "Mars/Olympus"},
        {"from": "2026-01-01", "to": "2026-02-01", "step": "fortnight"},
        {"from": "2026-01-01", "to": "2026-02-01", "live": "maybe"},
        {"from": "2026-01-01", "to": "2026-02-01", "group": "x"},
        {"from": "=1+1", "to": "2026-02-01"},
    ],
)
def test_options_that_make_no_report_are_refused(bank: Bank, options: dict[str, str]) -> None:
    owner = bank.operator("owner")
    with pytest.raises(Exception, match="invalid_argument"):
        report(bank, owner, "sales", **options)
