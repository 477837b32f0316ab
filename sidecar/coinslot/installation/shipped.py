"""The migrations as this version of Coinslot ships them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from coinslot.assets import MIGRATIONS
from coinslot.installation.refusal import InstallationRefused

_NAME = re.compile(r"\d+_coinslot_(\w+)\.sql")
_CHECK = re.compile(r"^do \$\$\n.*^\$\$;$(?=\n\ncreate schema coinslot;$)", re.M | re.S)


@dataclass(frozen=True)
class Migration:
    """One file: a topic, and the SQL."""

    name: str
    topic: str
    text: bytes


def plain(text: bytes) -> bytes:
    """The text as it is whatever Git has made of the ends of lines, without space around it."""
    return text.replace(b"\r\n", b"\n").strip()


def shipped_migrations() -> list[Migration]:
    """All of them in order. Raises `InstallationRefused` where the package has lost them."""
    try:
        files = [(file.name, file.read_bytes()) for file in sorted(MIGRATIONS.glob("*.sql"))]
    except OSError as error:
        message = f"Coinslot's own migrations cannot be read: {error}"
        raise InstallationRefused(message) from error
    if not files:
        raise InstallationRefused("Coinslot's own migrations are missing: install it anew")
    return [
        Migration(name, found[1], text)
        for name, text in files
        if (found := _NAME.fullmatch(name)) is not None
    ]


def database_check(first: Migration) -> str:
    """The statements with which the first migration begins: they raise what is in the way."""
    found = _CHECK.search(plain(first.text).decode())
    if found is None:
        raise InstallationRefused("The first migration has no check of the database")
    return found[0]
