"""`python -m tests.proofs [name …]`: the long proofs one after the other, or some; 1 if one fails.

Each prints its own figures. The simulations are every test that has a size for the suite and a
larger one for proofs, and those marked `proof`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIGNS = ("tests.support.sizes", "mark.proof", "import on_both", "@at_one(")


def simulations() -> list[str]:
    """The test files that do more here than in the suite."""
    return [
        str(file.relative_to(ROOT))
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        if any(sign in file.read_text(encoding="utf-8") for sign in _SIGNS)
    ]


def proofs() -> dict[str, list[str]]:
    """The module and arguments of each."""
    return {
        "simulations": ["pytest", "-n", "2", "--dist", "worksteal", "-q", *simulations()],
        "storm": ["tests.storm", "--purchases", "2000"],
        "renewals": ["tests.renewals", "--subscribers", "60", "--months", "12"],
        "events": ["tests.events", "--events", "2000", "--kills", "6"],
        "load": ["tests.load.buyers", "--buyers", "500", "--seconds", "60"],
        "upgrade": ["tests.releases.upgrade", "--buyers", "20", "--entries", "1000000"],
        "image": ["tests.image"],
        "newcomer": ["tests.newcomer"],
        "mutants": ["tests.mutants"],
    }


def main(names: Sequence[str]) -> int:
    chosen = {name: command for name, command in proofs().items() if not names or name in names}
    if unknown := set(names) - chosen.keys():
        sys.stderr.write(f"no such proof: {', '.join(sorted(unknown))}\n")
        return 2
    out = Console()
    table = Table("proof", "holds", "seconds")
    failed = 0
    for name, command in chosen.items():
        out.rule(name)
        began = time.monotonic()
        # Mutants have to be caught by the suite at its own size.
        environment = {**os.environ, "PROOFS": "" if name == "mutants" else "1"}
        status = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, env=environment, check=False
        ).returncode
        failed += status != 0
        table.add_row(name, "no" if status else "yes", f"{time.monotonic() - began:.0f}")
    out.print(table)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
