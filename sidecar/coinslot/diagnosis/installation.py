"""The database: does it fit this server, and is it whole?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.diagnosis.findings import Finding, sound
from coinslot.diagnosis.release_fit import misfits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coinslot.database.installation import Fault
    from coinslot.database.records import DatabaseSettings
    from coinslot.database.service import ServiceDatabase


async def fit(service: ServiceDatabase, mode: str, gateways: Iterable[str]) -> list[Finding]:
    found = await service.get_settings()
    wrong = list(misfits(found, mode, gateways))
    return [*_sound_parts(found, {each.part for each in wrong}), *wrong]


async def whole(service: ServiceDatabase) -> list[Finding]:
    """The faults of the installation, each with its repair in SQL, in the order of repairing."""
    faults = [_finding(each) for each in await service.check_installation()]
    return faults or [
        sound(
            "database", "triggers, functions, grants and rows are the release's; wallets are whole"
        )
    ]


def _finding(each: Fault) -> Finding:
    return Finding(
        part="database",
        level="fault",
        code=each.code,
        problem=each.problem,
        repair=each.repair,
        subject=each.subject,
        stops_buyers=each.stops_buyers,
        sql=True,
    )


def _sound_parts(found: DatabaseSettings, wrong: set[str]) -> Iterator[Finding]:
    if "mode" not in wrong:
        yield sound("mode", f"this server and the database are {found.mode}")
    if not {"schema", "migrations"} & wrong:
        yield sound("schema", f"the database is at {found.schema_version}, which fits this server")
    if "clock" not in wrong and found.now is not None:
        yield sound("clock", "this server and the database tell the same time")
