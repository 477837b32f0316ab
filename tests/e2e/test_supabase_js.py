"""supabase-js in Node, unmodified: `clients/supabase_js.mjs`, one test here for each there."""

from __future__ import annotations

import asyncio
import json
import os
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.e2e.ai import ROOT
from tests.e2e.surface import surface

if TYPE_CHECKING:
    from tests.e2e.surface import Surface
    from tests.stacks import LocalStack

SCRIPT = ROOT / "tests/e2e/clients/supabase_js.mjs"
NAMES = re.findall(r"""^test\((['"])(.+)\1, async""", SCRIPT.read_text(), re.MULTILINE)


def as_json(shown: Surface) -> str:
    return json.dumps(
        {
            "relations": [{**asdict(r), "owner": r.owner, "row": r.row} for r in shown.relations],
            "rpcs": [{**asdict(rpc), "arguments": rpc.arguments} for rpc in shown.rpcs],
        }
    )


@pytest_asyncio.fixture(scope="module")
async def report(stack: LocalStack) -> str:
    """What Node's test runner says, as TAP."""
    with stack.connect() as connection:
        shown = surface(connection)
    env = {"PATH": os.environ["PATH"], **stack.env, "SURFACE": as_json(shown)}
    node = await asyncio.create_subprocess_exec(
        *("node", "--test", "--test-reporter=tap", str(SCRIPT)),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await node.communicate()
    return output.decode()


@pytest.mark.parametrize("name", [name for _, name in NAMES])
def test_supabase_js(report: str, name: str) -> None:
    verdict = rf"^ *(not )?ok \d+ - {re.escape(name)}$.*?(?=^ *# |\Z)"
    found = re.search(verdict, report, re.MULTILINE | re.DOTALL)
    assert found, report
    assert not found[1], found[0]
