"""The demo checks every line it prints, so running it is a test."""

from __future__ import annotations

import subprocess

from sidecar.sandbox.settings import ROOT
from sidecar.sandbox.tools import require_node
from tests.stacks import LocalStack


def test_the_demo_plays_to_its_end(stack: LocalStack) -> None:
    run = subprocess.run(
        [require_node(), ROOT / "sidecar/sandbox/demo.mjs"],
        env=stack.env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert run.stdout.count("✓") > 10
