"""The release of this program, and the releases of the database that it works with.

Of the two, the newer one knows the older. This file names the oldest schema that this program can
work with. The database names the oldest sidecar that it still keeps everything for, and a database
that is newer than this file is judged by that.
"""

from __future__ import annotations

import re

VERSION = "0.2.0.dev0"
OLDEST_SCHEMA = "0.2.0.dev0"

_FORM = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:(\.dev|rc)(\d+))?")
# Among those of one release; what has none of these is the release.
_PLACES = {".dev": 0, "rc": 1, None: 2}


def order(version: str) -> tuple[int, ...]:
    """The place of a version among all: `0.2.0.dev0`, `0.2.0rc1`, `0.2.0`. Raises `ValueError`."""
    found = _FORM.fullmatch(version)
    if found is None:
        message = f"{version!r} is no version of Coinslot"
        raise ValueError(message)
    major, minor, patch, kind, number = found.groups()
    return (int(major), int(minor), int(patch), _PLACES[kind], int(number or 0))


def misfit(schema: str | None, oldest_sidecar: str | None) -> str | None:
    """The reason why this program cannot work with a database, and what to do; None if it can.

    `schema` is the release that the database is at. Both are None where it is too old to tell.
    """
    try:
        if schema is None or order(schema) < order(OLDEST_SCHEMA):
            return (
                f"the database is at {schema or 'an older release'}, this server needs"
                f" {OLDEST_SCHEMA} or newer; push the migrations"
            )
        if oldest_sidecar is None or order(VERSION) < order(oldest_sidecar):
            return (
                f"the database is at {schema} and works with servers from"
                f" {oldest_sidecar} on, this one is {VERSION}; upgrade this server"
            )
    except ValueError as error:
        return str(error)
    return None
