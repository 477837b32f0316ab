"""`python -m tests.schemas check`: the readable schemas and the migrations, held together.

It also runs Supabase's advisors, on a database that has just been migrated.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from devstack import tools
from devstack.settings import DevstackError
from tests.schemas.comparison import differences, dump, reference_rows
from tests.support import clusters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.clusters import Cluster


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["check"]:
            problems = check()
        case _:
            problems = [__doc__ or ""]
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return int(bool(problems))


def check() -> list[str]:
    with clusters.running("schemas") as cluster:
        found = differences(cluster, "strict", dump, reference_rows)
        if found:
            found.append("a migration and supabase/schemas differ: change whichever is wrong")
        return [*found, *_advice(cluster)]


def _advice(cluster: Cluster) -> list[str]:
    arguments = ("db", "advisors", "--level", "info", "--fail-on", "warn")
    try:
        tools.supabase(cluster.settings, *arguments, database=cluster.template_dbname)
    except DevstackError as error:
        return [str(error)]
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
