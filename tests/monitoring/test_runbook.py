"""The runbook has an entry for each alert, discrepancy, error and finding, and for no other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from devstack.settings import ROOT
from tests.monitoring.test_alerts import NAMES
from tests.support.documentation import DOCS, cells, section, spans, text

if TYPE_CHECKING:
    import psycopg

PAGE = "runbook.md"


def entries(heading: str) -> set[str]:
    """The codes in the first column of the tables below a heading of the page."""
    page = text(DOCS / PAGE)
    found = re.search(rf"^#+ {heading}\n(.*?)(?=^#|\Z)", page, re.M | re.S)
    assert found
    return {each for cell in cells(found[1]) for each in spans(cell)}


def test_every_alert_has_one_with_all_three_answers() -> None:
    page = section(PAGE, "Alerts")
    found = re.findall(r"^### (\w+)\n\n(.*?)(?=^###|\Z)", page, re.M | re.S)
    assert [name for name, _ in found] == NAMES
    for name, entry in found:
        assert re.match(r"\*\*Money:\*\* .*\n\*\*Look:\*\* .*\n\*\*Do:\*\* ", entry, re.S), name


def test_every_kind_of_discrepancy_has_one(database: psycopg.Connection[Any]) -> None:
    ((definition,),) = database.execute(
        "select pg_get_constraintdef(oid) from pg_constraint"
        " where conname = 'discrepancies_kind_known'"
    ).fetchall()
    assert entries("Discrepancies") == set(re.findall(r"'([a-z_]+)'::text", definition))


def test_every_error_of_the_database_has_one(database: psycopg.Connection[Any]) -> None:
    rows = database.execute("select message from coinslot.errors").fetchall()
    assert entries("From the database") == {message for (message,) in rows}


def test_every_error_of_the_sidecar_has_one() -> None:
    listed = {each for cell in cells(section("errors.md", "From the sidecar"), 1)
              for each in spans(cell) if re.fullmatch(r"[a-z_]+", each)}  # fmt: skip
    known = {"unauthenticated", "order_not_found"}
    assert entries("From the sidecar") == listed - known


def test_every_finding_of_the_doctor_has_one() -> None:
    code = "".join(file.read_text() for file in (ROOT / "sidecar/coinslot/diagnosis").glob("*.py"))
    code += (ROOT / "sidecar/coinslot/cli/doctor.py").read_text()
    given = set(re.findall(r'"((?:[a-z]+_)+[a-z]+)"', code))
    elsewhere = {
        "gateway_rejected_keys",
        "gateway_refused",
        "verify_signature",
        "database_mismatch",
    }
    assert entries("From the doctor") - given == {"unreachable"}
    assert '"unreachable"' in code
    assert given - elsewhere - entries("From the doctor") == set()
