"""The types that apps are given: those of the database are current, and the examples hold."""

from __future__ import annotations

import re
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


@pytest.mark.parametrize(
    ("right", "wrong", "complaint"),
    [
        ("detail.tokens ?? 0", "detail.coins", "Property 'coins' does not exist"),
        ("oncoinslot-purchased", "oncoinslot-bought", "implicitly has an 'any' type"),
        ("guard(({ key })", "guard(({ id: key })", "Property 'id' does not exist"),
        ("'get_user_tokens'", "'get_tokens'", "get_tokens"),
    ],
)
def test_a_mistake_in_an_example_is_found(right: str, wrong: str, complaint: str) -> None:
    """Beside the examples, where the packages are found."""
    project = REACT / f".wrong-{re.sub('[^a-z]', '', wrong)}"
    project.mkdir()
    try:
        for file in REACT.iterdir():
            if file.is_file():
                text = file.read_text().replace(right, wrong)
                text = text.replace("../../../", "../../../../")
                (project / file.name).write_text(text)
        said = complaints(project)
    finally:
        for file in project.iterdir():
            file.unlink()
        project.rmdir()
    assert any(complaint in line for line in said), said
