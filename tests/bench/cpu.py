"""The processes that took the CPU while something was measured."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    from tests.bench.stack import BenchStack

_PROGRAMS = ("postgres", "postgrest", "auth", "api", "simulators", "sidecar")


class CpuShare:
    """Between entering and leaving it: how much of the stack's and our CPU time was our own."""

    def __init__(self, stack: BenchStack) -> None:
        found = [stack.processes.find(name) for name in _PROGRAMS]
        self._processes = [process for process in found if process]
        self.own = 0.0

    def __enter__(self) -> Self:
        self._before = self._used()
        return self

    def __exit__(self, *_: object) -> None:
        (own_before, all_before), (own, together) = self._before, self._used()
        self.own = (own - own_before) / ((together - all_before) or 1)

    def _used(self) -> tuple[float, float]:
        """Seconds: this process's, and everybody's."""
        own = time.process_time()
        return own, own + sum(map(seconds_of, self._processes))


def seconds_of(process: psutil.Process) -> float:
    """With its children, those that have ended included."""
    used = sum(process.cpu_times()[:4])
    for child in process.children():
        try:
            used += sum(child.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return float(used)
