"""Waiting until a call waits for somebody else's lock."""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import TypeVar

from tests.database.people import Connection

LIMIT_S = 60.0

T = TypeVar("T")


def done_or_blocked(call: Future[T], of: Connection, watcher: Connection) -> bool:
    """True once the call on the connection `of` is done, false once it waits for a lock."""
    deadline = time.monotonic() + LIMIT_S
    while not call.done():
        waiting = watcher.execute(
            "select cardinality(pg_blocking_pids(%s)) > 0 as blocked", [of.info.backend_pid]
        ).fetchone()
        if waiting and waiting["blocked"]:
            return False
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return True
