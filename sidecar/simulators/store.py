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

    def all(self, kind: str, **where: str | int | None) -> list[Document]:
        """Oldest first; those whose fields, such as `metadata.order_id`, are as given."""
        conditions = "".join(f" and {self._indexed(field)} is ?" for field in where)
        found = self._db.execute(
            f"select body from documents where simulator = ? and kind = ?{conditions} "  # noqa: S608 - names of arguments
            "order by rowid",
            (self._simulator, kind, *where.values()),
        )
        return [json.loads(body) for (body,) in found]

    def _indexed(self, field: str) -> str:
        """That field of a document, as an expression that has an index."""
        value = f"(case when json_valid(body) then json_extract(body, '$.{field}') end)"
        name = f"documents_{field.replace('.', '_')}"
        self._db.execute(
            f"create index if not exists {name} on documents (simulator, kind, {value})"
        )
        return value

    def clear(self) -> None:
        self._db.execute("delete from documents where simulator = ?", (self._simulator,))

    def close(self) -> None:
        self._db.close()
