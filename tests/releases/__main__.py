"""`python -m tests.releases check`, or `freeze VERSION`: the maintainer's side of a release."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from devstack.settings import ROOT
from tests.releases import release

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["check"]:
            problems = release.problems(ROOT)
        case ["freeze", version]:
            problems = release.freeze(ROOT, version)
        case _:
            problems = [__doc__ or ""]
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
