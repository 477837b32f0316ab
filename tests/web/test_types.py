"""The types that apps are given: those of the database are current, and the examples hold."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devstack import tools
from devstack.settings import ROOT
from tests import database_types

if TYPE_CHECKING:
    from tests.support.clusters import Cluster

REACT = ROOT / "tests" / "examples" / "react"
GATEWAYS = ROOT / "tests" / "examples" / "gateways"
Mistake = tuple[str, str, str]
"""The text of an example, what is written in its place, and TypeScript's complaint."""
MISTAKES: tuple[tuple[Mistake, ...], ...] = (
    (
        ("detail.tokens ?? 0", "detail.coins", "Property 'coins' does not exist"),
        ("guard(({ key })", "guard(({ id: key })", "Property 'id' does not exist"),
        ("'get_user_tokens'", "'get_tokens'", "get_tokens"),
    ),
    # Of an event that it does not know, TypeScript does not look at the detail.
    (("oncoinslot-purchased", "oncoinslot-bought", "implicitly has an 'any' type"),),
)
"""Those that are found in one run, each."""
TSC = ROOT / "node_modules" / "typescript" / "bin" / "tsc"


def complaints(project: Path) -> list[str]:
    """TypeScript's messages about our files, declarations included.

    Those about other people's files are left out; `skipLibCheck` would silence ours with them.
    """
    result = subprocess.run(
        [tools.require_node(), str(TSC), "--project", str(project), "--pretty", "false"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert result.returncode in {0, 1, 2}, result.stderr
    lines = result.stdout.splitlines()
    return [line for line in lines if not line.startswith((" ", "node_modules/"))]


def test_the_database_types_are_those_of_the_migrations(cluster: Cluster) -> None:
    committed = database_types.TYPES.read_text()
    assert committed == database_types.generate(cluster), "run `make types`"


def test_the_react_examples_type_check() -> None:
    assert complaints(REACT) == []


def test_the_gateways_own_types_take_what_the_examples_give_them() -> None:
    assert complaints(GATEWAYS) == []


@pytest.mark.parametrize("mistakes", MISTAKES, ids=["values", "event"])
def test_mistakes_in_an_example_are_found(mistakes: tuple[Mistake, ...]) -> None:
    """Beside the examples, where the packages are found."""
    project = REACT / f".wrong-{len(mistakes)}"
    project.mkdir()
    try:
        for file in REACT.iterdir():
            if file.is_file():
                text = file.read_text()
                for right, wrong, _ in mistakes:
                    text = text.replace(right, wrong)
                text = text.replace("../../../", "../../../../")
                (project / file.name).write_text(text)
        said = complaints(project)
    finally:
        for file in project.iterdir():
            file.unlink()
        project.rmdir()
    for _, _, complaint in mistakes:
        assert any(complaint in line for line in said), (complaint, said)
