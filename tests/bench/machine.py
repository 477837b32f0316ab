"""The machine that the figures were taken on, by what matters for them and no name."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from devstack.tools import postgrest
from tests.bench.stack import POSTGRES

if TYPE_CHECKING:
    from tests.bench.bench import Bench


def description(bench: Bench) -> dict[str, object]:
    with bench.stack.connect() as connection:
        version = connection.info.server_version
    return {
        "cpu": _cpu(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "postgres": f"{version // 10_000}.{version % 10_000}",
        "postgrest": _postgrest(),
        "python": platform.python_version(),
        "postgres_settings": POSTGRES,
    }


def _cpu() -> str:
    """Linux says it in a file; elsewhere Python says what it knows."""
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor()


def _postgrest() -> str:
    said = subprocess.run([postgrest(), "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"[\d.]+\d", said.stdout)
    return found[0] if found else said.stdout.strip()
