"""The file that apps load: a server may import it, and it says what it says it exports."""

from __future__ import annotations

import json
import subprocess

import pytest

from devstack import tools
from devstack.settings import ROOT

BUILT = ROOT / "build/web"
LOOK = """
const before = Object.keys(globalThis)
const names = Object.keys(await import(process.argv[1]))
const after = Object.keys(globalThis).filter((name) => !before.includes(name))
console.log(JSON.stringify({ names, after }))
"""


@pytest.mark.parametrize(
    ("file", "names"),
    [
        ("coinslot.js", {"defineCoinslot", "refreshBalance", "resumePayment", "setLocale"}),
        ("cash-receipts.js", {"defineCoinslotCashReceipts"}),
        ("invitation.js", {"defineCoinslotInvitation"}),
        ("plans.js", {"defineCoinslotPlans"}),
    ],
)
def test_a_server_without_a_page_may_import_it(file: str, names: set[str]) -> None:
    """As Next.js does while it renders on the server."""
    found = subprocess.run(
        [tools.require_node(), "--input-type=module", "-e", LOOK, BUILT / file],
        capture_output=True,
        check=True,
        text=True,
    )
    told = json.loads(found.stdout)
    assert told["after"] == []
    assert set(told["names"]) == names


def test_whoever_copies_it_gets_its_types_and_its_licences() -> None:
    folder = {file.name for file in BUILT.iterdir()}
    assert {
        "coinslot.js",
        "coinslot.d.ts",
        "cash-receipts.js",
        "cash-receipts.d.ts",
        "invitation.js",
        "invitation.d.ts",
        "plans.js",
        "plans.d.ts",
        "react.js",
        "react.d.ts",
        "database.types.ts",
    } <= folder
    assert "BSD-3-Clause" in (BUILT / "coinslot.js.LEGAL.txt").read_text()
