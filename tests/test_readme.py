"""What the README shows is what the tests ran."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "tests/examples"


@pytest.mark.parametrize(
    "name",
    ["ai_route/route.mjs", "ai_route/route.py", "ai_route/answers.sql", "react/TokenPurchase.tsx"],
)
def test_shows_each_example_as_it_is_tested(name: str) -> None:
    assert f"\n{(EXAMPLES / name).read_text(encoding='utf-8').strip()}\n```" in README


def test_names_every_rpc_with_its_parameters() -> None:
    """Each function that a migration grants in `public`, but the computed field of profiles."""
    migrations = "\n".join(
        path.read_text(encoding="utf-8")
        for path in sorted((ROOT / "supabase/migrations").glob("*.sql"))
    )
    rpcs = set(re.findall(r"^create function public\.(\w+)\(", migrations, re.MULTILINE))
    shown = set(re.findall(r"`(\w+)\(", README))
    assert rpcs - {"tokens"} <= shown


def test_names_every_error_with_its_code() -> None:
    registry = (ROOT / "supabase/migrations/20261121100000_foundation.sql").read_text("utf-8")
    errors = re.findall(r"^\('(\w+)', '(PT\d+)'", registry, re.MULTILINE)
    assert errors
    for message, code in errors:
        row = next(line for line in README.splitlines() if f"`{code}`" in line)
        assert f"`{message}`" in row


def test_names_every_target_it_tells_people_to_run() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"\bmake ([a-z]+)\b", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
