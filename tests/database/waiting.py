"""Waiting until a call waits for somebody else's lock."""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import TypeVar

from tests.database.people import Bank, Connection

LIMIT_S = 60.0

T = TypeVar("T")


def done_or_blocked(call: Future[T], of: Connection, watcher: Bank | Connection) -> bool:
    """True once the call on the connection `of` is done, false once it waits for a lock."""
    deadline = time.monotonic() + LIMIT_S
    while not call.done():
        if _found(watcher, "select where cardinality(pg_blocking_pids(%s)) > 0", of):
            return False
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return True


def _found(watcher: Bank | Connection, statement: str, of: Connection) -> bool:
    pid = of.info.backend_pid
    if isinstance(watcher, Bank):
        return bool(watcher.rows(statement, pid))
    return bool(watcher.execute(statement, [pid]).fetchall())
