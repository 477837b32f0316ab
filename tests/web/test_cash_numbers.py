"""Numbers of cash receipts: the component lets pass what the database takes, and nothing else."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import psycopg

from devstack import tools
from devstack.settings import ROOT

KINDS = ("income_deduction", "expenditure_proof")
NUMBERS = (
    *("010-2345-6789", "01023456789", "010 234 5678", "0212345678", "0100001234", "010-0000-1234"),
    *("01000001234", "123-45-67891", "123-45-67890", "1234567891", "", "-", "0101234567x"),
    *("4" * 12, "4" * 13, "4" * 19, "4" * 20, "\uff10\uff11" + "2" * 8, "010.2345.6789"),
)


def typed() -> list[tuple[str, str]]:
    numbers = [f"{each * 7_654_321 % 10**10:010}" for each in range(200)]
    return [(kind, number) for kind in KINDS for number in (*NUMBERS, *numbers)]


def taken(database: psycopg.Connection[Any], kind: str, number: str) -> bool:
    """The schema's own errors have codes of PostgREST's; any other is a mistake of the test."""
    try:
        with database.transaction():
            database.execute("select coinslot.cash_receipt_number(%s, %s)", [kind, number])
    except psycopg.Error as error:
        if error.sqlstate != "PT400":
            raise
        return False
    return True


def test_the_component_lets_pass_what_the_database_takes(
    database: psycopg.Connection[Any],
) -> None:
    all_typed = typed()
    script = [str(tools.require_node()), str(ROOT / "tests/web/cash_numbers.mjs")]
    told = subprocess.run(
        [*script, json.dumps(all_typed)], check=True, capture_output=True, text=True
    )
    passed = dict(zip(all_typed, json.loads(told.stdout), strict=True))
    assert passed == {each: taken(database, *each) for each in all_typed}
    business = [passed[each] for each in all_typed if each[0] == "expenditure_proof"]
    assert 10 < sum(business) < len(business) / 2, "some of each"
