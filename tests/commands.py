"""Programs of the tests, run as a person runs them."""

from __future__ import annotations

import subprocess
import sys

from sidecar.sandbox.settings import ROOT


def run_module(name: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", name, *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
