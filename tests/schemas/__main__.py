"""`python -m tests.schemas derive|check`: the readable schemas and the migrations, held together.

`check` also runs Supabase's advisors, on a database that has just been migrated.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from devstack import tools
from devstack.settings import DevstackError
from tests.releases import checksums
from tests.releases.checksums import SUPABASE
from tests.schemas.comparison import SCHEMAS, differences, dump, reference_rows
from tests.schemas.derivation import derived
from tests.support import clusters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.clusters import Cluster


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["derive"] if checksums.releases(SUPABASE):
            problems = ["migrations are released: edit supabase/schemas by hand from now on"]
        case ["derive"]:
            problems = []
            write()
        case ["check"]:
            problems = check()
        case _:
            problems = [__doc__ or ""]
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return int(bool(problems))


def write() -> None:
    SCHEMAS.mkdir(exist_ok=True)
    for file in SCHEMAS.glob("*.sql"):
        file.unlink()
    for name, text in derived(SUPABASE / "migrations").items():
        (SCHEMAS / name).write_text(text)


def check() -> list[str]:
    if outdated():
        return ["supabase/schemas is not what the migrations say: `make schemas`"]
    with clusters.running("schemas") as cluster:
        found = differences(cluster, "strict", dump, reference_rows)
        if found:
            found.append("a migration and supabase/schemas differ: change whichever is wrong")
        return [*found, *_advice(cluster)]


def outdated() -> bool:
    """Before the first release, as long as the schemas are derived; never afterwards."""
    present = {file.name: file.read_text() for file in SCHEMAS.glob("*.sql")}
    return not checksums.releases(SUPABASE) and present != derived(SUPABASE / "migrations")


def _advice(cluster: Cluster) -> list[str]:
    arguments = ("db", "advisors", "--level", "info", "--fail-on", "warn")
    try:
        tools.supabase(cluster.settings, *arguments, database=cluster.template_dbname)
    except DevstackError as error:
        return [str(error)]
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
