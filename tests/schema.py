"""`python -m tests.schema check|write`: what the migrations build, as Postgres itself tells it.

`check` also runs Supabase's advisors. Both look at a new database that has just been migrated.
"""

from __future__ import annotations

import difflib
import re
import subprocess
import sys

from devstack import tools
from devstack.settings import ROOT, DevstackError
from tests.support import clusters
from tests.support.clusters import Cluster

# Not below supabase/: the CLI and editors take what is there for something to run.
SNAPSHOT = ROOT / "sql_tests" / "schema.snapshot.sql"
# What changes from run to run, or says nothing about the schema.
_NOISE = re.compile(r"^(--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(un)?restrict .*)$", re.M)
# It tells once more, and in one line, what all the rest tells.
_MANIFEST = re.compile(r"(CREATE FUNCTION coinslot\.manifest\(\).*?AS ).*?;$", re.M | re.S)


def main() -> None:
    with clusters.running("schema") as cluster:
        found = dump(cluster)
        if sys.argv[1:] == ["write"]:
            SNAPSHOT.write_text(found)
            return
        problems = [*_differences(found), *_advice(cluster)]
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
    sys.exit(bool(problems))


def dump(cluster: Cluster) -> str:
    result = subprocess.run(
        [
            *(cluster.placement.bin_dir / "pg_dump", "--schema-only", "--no-owner"),
            *("--schema", "public", "--schema", "coinslot"),
            cluster.url(cluster.template_dbname),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    told = _NOISE.sub("", _MANIFEST.sub(r"\1…;", result.stdout))
    return re.sub(r"\n{2,}", "\n\n", told).strip() + "\n"


def _differences(found: str) -> list[str]:
    committed = SNAPSHOT.read_text() if SNAPSHOT.exists() else ""
    if committed == found:
        return []
    lines = difflib.unified_diff(
        committed.splitlines(), found.splitlines(), "committed", "migrated", n=2, lineterm=""
    )
    return [*lines, "the schema changed: read the difference, then `make snapshot`"]


def _advice(cluster: Cluster) -> list[str]:
    arguments = ("db", "advisors", "--level", "info", "--fail-on", "warn")
    try:
        tools.supabase(cluster.settings, *arguments, database=cluster.template_dbname)
    except DevstackError as error:
        return [str(error)]
    return []


if __name__ == "__main__":
    main()
