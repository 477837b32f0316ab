"""The list of what the database has to have, against what the code calls."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

from coinslot.database import rpc
from coinslot.server.readiness import RPCS

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASE = Path(rpc.__file__).parent
# The name is the first argument of these, and of `record` the second.
CALLS = {"call": 0, "call_with": 0, "record": 1}


def called() -> Iterator[str]:
    for file in DATABASE.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                position = CALLS.get(node.func.attr)
                if position is not None and isinstance(name := node.args[position], ast.Constant):
                    yield str(name.value)


def test_every_rpc_that_is_called_is_looked_for_and_no_other() -> None:
    assert set(called()) == RPCS
