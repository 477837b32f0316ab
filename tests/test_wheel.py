"""The wheel: the product with the files that it serves, and no simulator or local stack."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from devstack.settings import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (made,) = folder.glob("*.whl")
    return zipfile.ZipFile(made)


@pytest.fixture(scope="module")
def names(wheel: zipfile.ZipFile) -> list[str]:
    return wheel.namelist()


def test_holds_the_product_its_pages_and_its_migrations(names: list[str]) -> None:
    product = {
        path.relative_to(ROOT / "sidecar").as_posix()
        for path in (ROOT / "sidecar/coinslot").rglob("*.py")
    }
    web = {
        f"coinslot/web/{path.relative_to(ROOT / 'build/web').as_posix()}"
        for path in (ROOT / "build/web").rglob("*")
        if path.is_file()
    }
    migrations = {
        f"coinslot/migrations/{path.name}" for path in (ROOT / "supabase/migrations").glob("*.sql")
    }
    scripts = {f"coinslot/sql/{name}.sql" for name in ("export", "uninstall")}
    assert product | web | migrations | scripts <= set(names)


def test_holds_nothing_else(names: list[str]) -> None:
    tops = {Path(name).parts[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"coinslot"}
    assert not [name for name in names if "simulator" in name or "devstack" in name]


def test_adds_its_own_migrations_to_a_project(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "installed")
    project = tmp_path / "project"
    (project / "supabase").mkdir(parents=True)
    (project / "supabase/config.toml").touch()
    subprocess.run(
        [sys.executable, "-m", "coinslot", "migrations", "add"],
        cwd=project,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path / "installed")},
        check=True,
        capture_output=True,
    )
    added = {file.read_bytes() for file in (project / "supabase/migrations").iterdir()}
    shipped = {file.read_bytes() for file in (tmp_path / "installed/coinslot/migrations").iterdir()}
    assert len(added - shipped) == 1
    assert shipped < added
