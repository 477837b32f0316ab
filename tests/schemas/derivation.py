"""The readable schemas, made from the migrations for as long as no migration is released.

A schema file is a migration without what only a database on its way needs: the look for what is in
the way, what is done for the users who are there, what is scheduled. Rows that the rules refer to
stay beside their table.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.schemas.statements import statements

if TYPE_CHECKING:
    from pathlib import Path

# Their rows are part of what a release is.
REFERENCE_TABLES = (
    "coinslot.errors",
    "coinslot.gateways",
    "coinslot.payment_statuses",
    "coinslot.payment_transitions",
    "coinslot.settings",
    "public.token_features",
    "public.token_prices",
    "public.token_products",
)
_STRUCTURE = ("create ", "alter ", "comment ", "grant ", "revoke ", "drop function ")
# Functions that make structure, called once by the migrations.
_MAKING = (
    "select coinslot.install_auth_triggers()",
    "select coinslot.show_tokens_on_profiles()",
    "select coinslot.write_manifest()",
)
_PASSING = ("do ", "select ", "insert ", "update ", "delete ", "notify ", "lock ", "drop ", "set ")
_TIME = re.compile(r"^\d+_(coinslot_)?")


def derived(migrations: Path) -> dict[str, str]:
    """The text of each schema file by its name, in the order of the migrations."""
    texts = [(file, schema(file.read_text())) for file in sorted(migrations.glob("*.sql"))]
    kept = [(file, text) for file, text in texts if text]
    return {
        f"{number:02}_{_TIME.sub('', file.name)}": text
        for number, (file, text) in enumerate(kept, 1)
    }


def schema(migration: str) -> str:
    """A migration without what passes; empty if nothing is left. Raises `ValueError` at doubt."""
    pieces, headings, kept = [], "", 0
    for statement in statements(migration):
        if _stays(statement.words):
            pieces.append(headings + statement.comments + statement.text)
            headings, kept = "", kept + 1
        elif statement.heading.strip():
            headings += statement.heading + "\n"
    return re.sub(r"\n{3,}", "\n\n", "".join(pieces)).strip() + "\n" if kept else ""


def _stays(words: str) -> bool:
    if words.startswith(tuple(f"insert into {table} " for table in REFERENCE_TABLES)):
        return True
    if words.startswith((*_STRUCTURE, *_MAKING)):
        return True
    if words.startswith("do ") and "create table" in words:
        return True
    if words.startswith(_PASSING):
        return False
    message = f"neither of a schema nor of a migration alone: {words[:80]}"
    raise ValueError(message)
