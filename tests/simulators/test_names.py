"""A gateway stands in its own folder, in the registry, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SIDECAR = Path(__file__).parents[2] / "sidecar"
SIMULATORS = SIDECAR / "simulators"
FOLDERS = [SIMULATORS / name for name in ("stripe", "toss", "portone/v1", "portone/v2")]
NAMES = re.compile(r"(?i:stripe|toss(?!pay\b)|portone|iamport|imp_uid)|\bV[12]\b")
# The registry is there to name them, and the demo plays its story at every gateway.
MAY_NAME_THEM = {
    SIMULATORS / "registry.py",
    SIDECAR / "devstack/demo.py",
    SIDECAR / "devstack/demo.mjs",
    SIDECAR / "devstack/demo_plans.mjs",
    SIDECAR / "devstack/demo_prices.mjs",
}


def sources(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in str(file)]


def test_no_other_module_names_a_gateway() -> None:
    shared = [
        file
        for file in (*sources(SIMULATORS), *sources(SIDECAR / "devstack"))
        if not any(folder in file.parents for folder in (*FOLDERS, SIMULATORS / "portone"))
    ]
    assert len(shared) > 30
    named = {
        f"{file.relative_to(SIDECAR)}: {found[0]}"
        for file in shared
        if file not in MAY_NAME_THEM and (found := NAMES.search(file.read_text("utf-8")))
    }
    assert named == set()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_gateway_imports_from_another(folder: Path) -> None:
    own = ".".join(folder.relative_to(SIDECAR).parts)
    imported = re.compile(r"^\s*from (simulators\.(?:stripe|toss|portone)[\w.]*) ", re.MULTILINE)
    foreign = {
        module
        for file in folder.rglob("*.py")
        for module in imported.findall(file.read_text("utf-8"))
        if not module.startswith(own)
    }
    assert foreign == set()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_folder_has_the_same_files(folder: Path) -> None:
    common = {
        "access.py",
        "api.py",
        "books.py",
        "listing.py",
        "payment.py",
        "refund.py",
        "settings.py",
        "simulator.py",
        "webhook.py",
        "window/sdk.js",
        "window/window.js",
    }
    assert common <= {str(file.relative_to(folder)) for file in sources(folder)}


@pytest.mark.parametrize("room", ["simulators", "devstack"])
def test_the_product_is_imported_nowhere(room: str) -> None:
    imports = re.compile(r"^\s*(from|import) coinslot\b", re.MULTILINE)
    importing = [
        file.name
        for file in (SIDECAR / room).rglob("*.py")
        if imports.search(file.read_text("utf-8"))
    ]
    assert importing == []
