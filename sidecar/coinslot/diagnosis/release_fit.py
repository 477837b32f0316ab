"""The server and the database against each other: mode, release, RPCs, gateways, clocks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from coinslot.database.rpc_names import Rpc
from coinslot.diagnosis.findings import Finding, fault
from coinslot.diagnosis.network import clock_off
from coinslot.release import misfit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coinslot.database.records import DatabaseSettings

_PUSH = "Push the migrations of this version: coinslot migrations add, supabase db push"


def misfits(found: DatabaseSettings, mode: str, gateways: Iterable[str]) -> Iterator[Finding]:
    """The reasons why this server cannot work with this database."""
    if found.now is not None and (off := clock_off(time.time() - found.now, "the database")):
        yield off
    if found.mode != mode:
        yield fault(
            "mode",
            "mode_differs",
            f"this server is {mode}, the database is {found.mode}",
            "Set COINSLOT_MODE, or coinslot.settings.mode; to go live: coinslot go-live",
            stops_buyers=True,
        )
    if reason := misfit(found.schema_version, found.oldest_sidecar):
        yield fault("schema", "release_differs", reason, _PUSH, stops_buyers=True)
    if missing := sorted({*Rpc} - set(found.rpcs)):
        yield migrations_missing(", ".join(missing))
    for name in sorted(set(gateways) - set(found.gateways or gateways)):
        yield fault(
            "gateways",
            "gateway_row_missing",
            f"the database has no row for {name}",
            "Insert its row into coinslot.gateways, or unset its keys",
            stops_buyers=True,
        )


def migrations_missing(what: str) -> Finding:
    return fault(
        "migrations",
        "migrations_missing",
        f"the database has no {what}",
        _PUSH,
        stops_buyers=True,
    )
