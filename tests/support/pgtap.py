"""Runs a file of pgTAP tests with psql, and judges what it printed."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

from devstack.postgres import SUPERUSER
from tests.support.clusters import Cluster

_TEST_LINE = re.compile(r"^(not )?ok (\d+)\b(?P<rest>.*)$")
_PLAN_LINE = re.compile(r"^1\.\.(\d+)\s*$")


@dataclass(frozen=True)
class Result:
    """The output of a test file, judged: the names of its tests, or what is wrong with it."""

    tests: int
    problems: list[str]
    output: str = field(default="", compare=False)


def judge(output: str, errors: str, status: int) -> Result:
    """Strictly: psql content, one plan, each test of it once and in order, all of them ok."""
    lines = output.splitlines()
    tests = [match for line in lines if (match := _TEST_LINE.match(line))]
    plans = [int(match[1]) for line in lines if (match := _PLAN_LINE.match(line))]
    problems = [line for line in lines if line.startswith(("not ok", "Bail out!"))]
    problems += [match[0] for match in tests if "# SKIP" in match["rest"].upper()]
    problems += [match[0] for match in tests if "# TODO" in match["rest"].upper()]
    if len(plans) != 1:
        problems.append(f"{len(plans)} plans, not one")
    elif [int(match[2]) for match in tests] != list(range(1, plans[0] + 1)):
        problems.append(f"planned 1..{plans[0]}, ran {[int(match[2]) for match in tests]}")
    if not tests:
        problems.append("no test ran")
    if status:
        problems.append(f"psql ended with {status}")
    problems += [line for line in errors.splitlines() if "ERROR" in line or "FATAL" in line]
    return Result(len(tests), problems)


def run(cluster: Cluster, file: Path, database: str) -> Result:
    process = subprocess.run(
        [
            *(cluster.placement.bin_dir / "psql", "--no-psqlrc", "--quiet"),
            *("--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"),
            *("--file", str(file), cluster.url(database, SUPERUSER)),
        ],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    result = judge(process.stdout, process.stderr, process.returncode)
    return replace(result, output=f"{process.stdout}\n{process.stderr}")
