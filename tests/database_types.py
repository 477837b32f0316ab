"""`python -m tests.database_types`: writes the TypeScript types of what the migrations build.

By the Supabase CLI, against a database that has just been migrated.
"""

from __future__ import annotations

import re

from devstack import tools
from devstack.settings import ROOT
from tests.support import clusters
from tests.support.clusters import Cluster

TYPES = ROOT / "sidecar" / "web" / "database.types.ts"
# The CLI says on the same stream what it connects to.
_GENERATED = re.compile(r"^export type Json.*^} as const$", re.MULTILINE | re.DOTALL)
_HEADER = "// Generated from the migrations by `supabase gen types`: `make types`.\n\n"


def generate(cluster: Cluster) -> str:
    said = tools.supabase(
        cluster.settings,
        *("gen", "types", "--lang", "typescript", "--schema", "public"),
        database=cluster.template_dbname,
    )
    # Where the last line has no end, what the CLI says next stands behind it.
    found = _GENERATED.search(said.replace("} as const", "} as const\n"))
    if found is None:
        message = f"no types in what the Supabase CLI said:\n{said}"
        raise ValueError(message)
    lines = [line.rstrip() for line in found[0].splitlines()]
    return _HEADER + "\n".join(lines) + "\n"


def main() -> None:
    with clusters.running("types") as cluster:
        TYPES.write_text(generate(cluster))


if __name__ == "__main__":
    main()
