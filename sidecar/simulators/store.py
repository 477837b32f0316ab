"""The store of a simulator's payments: SQLite, so that a killed stack still has them."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

Document = dict[str, Any]


class Store:
    """JSON documents by kind and id. With a path they outlive the process; `:memory:` forgets."""

    def __init__(self, path: str, simulator: str) -> None:
        self._simulator = simulator
        self._db = sqlite3.connect(path, isolation_level=None)
        # A killed process loses nothing by this; only a power cut could, and it is play money.
        self._db.execute("pragma synchronous = off")
        self._db.execute(
            "create table if not exists documents (simulator text, kind text, id text, body text, "
            "primary key (simulator, kind, id))"
        )

    def put(self, kind: str, key: str, body: Document) -> None:
        self._db.execute(
            "insert into documents values (?, ?, ?, ?) "
            "on conflict (simulator, kind, id) do update set body = excluded.body",
            (self._simulator, kind, key, json.dumps(body)),
        )

    def get(self, kind: str, key: str) -> Document | None:
        found = self._db.execute(
            "select body from documents where simulator = ? and kind = ? and id = ?",
            (self._simulator, kind, key),
        ).fetchone()
        return json.loads(found[0]) if found else None

    def all(self, kind: str) -> list[Document]:
        """Oldest first."""
        found = self._db.execute(
            "select body from documents where simulator = ? and kind = ? order by rowid",
            (self._simulator, kind),
        )
        return [json.loads(body) for (body,) in found]

    def clear(self) -> None:
        self._db.execute("delete from documents where simulator = ?", (self._simulator,))

    def close(self) -> None:
        self._db.close()
