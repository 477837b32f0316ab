"""supabase-js in Node, unmodified: `clients/supabase_js.mjs`, one test here for each there."""

from __future__ import annotations

import asyncio
import json
import os
import re
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.e2e.ai import ROOT
from tests.e2e.surface import CASH_RECEIPTS, surface

if TYPE_CHECKING:
    from tests.e2e.surface import Surface
    from tests.support.stacks import LocalStack

SCRIPT = ROOT / "tests/e2e/clients/supabase_js.mjs"
NAMES = re.findall(r"""^test\((['"])(.+)\1, async""", SCRIPT.read_text(), re.MULTILINE)


def as_json(shown: Surface) -> str:
    return json.dumps(
        {
            "catalogue": [vars(relation) for relation in shown.relations if relation.is_catalogue],
            "own": [{**vars(relation), "owner": relation.owner} for relation in shown.private],
            "userRpcs": [vars(rpc) for rpc in shown.rpcs if rpc.is_for_users],
            "serviceRpcs": [vars(rpc) for rpc in shown.service_rpcs],
        }
    )


@pytest_asyncio.fixture(scope="module")
async def report(stack: LocalStack) -> str:
    """The output of Node's test runner, as TAP."""
    with stack.connect() as connection:
        shown = surface(connection)
        connection.execute(CASH_RECEIPTS, ["on_request"])
    env = {"PATH": os.environ["PATH"], **stack.env, "SURFACE": as_json(shown)}
    node = await asyncio.create_subprocess_exec(
        *("node", "--test", "--test-reporter=tap", str(SCRIPT)),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await node.communicate()
    with stack.connect() as connection:
        connection.execute(CASH_RECEIPTS, ["off"])
    return output.decode()


@pytest.mark.parametrize("name", [name for _, name in NAMES])
def test_supabase_js(report: str, name: str) -> None:
    verdict = rf"^ *(not )?ok \d+ - {re.escape(name)}$.*?(?=^ *# |\Z)"
    found = re.search(verdict, report, re.MULTILINE | re.DOTALL)
    assert found, report
    assert not found[1], found[0]
