"""The balance of a page: whose it is, and what of it ends soon."""

from __future__ import annotations

import json
import subprocess

from devstack import tools
from devstack.settings import ROOT


def test_nobody_is_told_what_ends_of_somebody_else() -> None:
    """Not even with the same balance, nor while another signs in; the balance waits for no lots."""
    script = [str(tools.require_node()), str(ROOT / "tests/web/balance.mjs")]
    told = json.loads(subprocess.run(script, check=True, capture_output=True, text=True).stdout)
    assert told == [
        ["mina", 5, 0, 1],
        ["mina", 5, 1, 1],
        ["jun", 5, 0, 0],
        [None, None, 0, 0],
        ["mina", 5, 0, 1],
        ["mina", 5],
    ]
