"""The list of what the database has to have, against what the code calls."""

from __future__ import annotations

import re
from pathlib import Path

from coinslot.database import rpcs
from coinslot.database.rpcs import Rpc

DATABASE = Path(rpcs.__file__).parent
PRODUCT = DATABASE.parent


def test_every_listed_rpc_is_called_and_no_other() -> None:
    code = "".join(
        file.read_text() for file in DATABASE.glob("*.py") if file != Path(rpcs.__file__)
    )
    named = set(re.findall(r"\bRpc\.([A-Z_]+)", code))
    assert named == {rpc.name for rpc in Rpc}
    assert not re.search(r"\.(call|call_with|record)\([^)]{0,60}[\"']", code)


def test_rpcs_are_called_in_the_database_package_only() -> None:
    for file in PRODUCT.rglob("*.py"):
        if DATABASE not in file.parents:
            assert not re.search(r"\.(call|call_with|record)\(\s*(\w+,\s*)?[\"']", file.read_text())
