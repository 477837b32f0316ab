"""The package: the product with the files that it serves, and no simulator or local stack."""

from __future__ import annotations

import os
import subprocess
import tarfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from coinslot.release import VERSION
from devstack.settings import ROOT
from tests.support.clusters import free_ports
from tests.support.installed import Installed, built, installed, pip_install
from tests.support.servers import until

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = {
    "SUPABASE_URL": "http://127.0.0.1:1",
    "SUPABASE_ANON_KEY": "sb_publishable_0123456789",
    "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_0123456789",
    "FRONTEND_URL": "http://shop.test",
}


@pytest.fixture(scope="module")
def wheel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of a source distribution of this checkout, unpacked somewhere else."""
    folder = tmp_path_factory.mktemp("package")
    with tarfile.open(built("sdist", folder)) as sources:
        sources.extractall(folder, filter="data")
    (unpacked,) = (each for each in folder.iterdir() if each.is_dir())
    return built("wheel", folder, unpacked)


@pytest.fixture(scope="module")
def wheel(wheel_file: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(wheel_file)


@pytest.fixture(scope="module")
def names(wheel: zipfile.ZipFile) -> list[str]:
    return wheel.namelist()


@pytest.fixture(scope="module")
def package(wheel_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return installed(wheel_file, tmp_path_factory.mktemp("environment"))


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


def test_is_the_same_as_of_the_checkout(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """And so the source distribution misses nothing."""
    direct = zipfile.ZipFile(built("wheel", tmp_path))
    assert {each.filename: each.CRC for each in wheel.infolist()} == {
        each.filename: each.CRC for each in direct.infolist()
    }


def test_adds_its_own_migrations_to_a_project(package: Installed, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "supabase").mkdir(parents=True)
    (project / "supabase/config.toml").touch()
    done = package.run("migrations", "add", cwd=project)
    assert done.returncode == 0, done.stderr
    added = {file.read_bytes() for file in (project / "supabase/migrations").iterdir()}
    shipped = {file.read_bytes() for file in (ROOT / "supabase/migrations").iterdir()}
    assert len(added - shipped) == 1
    assert shipped < added


def test_says_its_version_from_an_empty_folder(package: Installed, tmp_path: Path) -> None:
    assert f"coinslot {VERSION}" in package.run("--version", cwd=tmp_path).stdout


@contextmanager
def served(package: Installed, folder: Path) -> Iterator[str]:
    """The address of `coinslot serve` as a platform starts it."""
    (port,) = free_ports(1)
    server = subprocess.Popen(
        [package.bin / "coinslot", "serve"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PORT": str(port), **SETTINGS},
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        assert server.wait(40) == 0


async def serves_everything(package: Installed, folder: Path) -> None:
    with served(package, folder) as url:
        async with httpx.AsyncClient(base_url=url) as http:

            async def answers() -> bool:
                try:
                    return (await http.get("/health")).is_success
                except httpx.TransportError:
                    return False

            await until(answers)
            for path in ("/store", "/web/coinslot.js", "/payment/success"):
                assert (await http.get(path)).status_code == 200, path


async def test_serves_the_store_from_an_empty_folder(package: Installed, tmp_path: Path) -> None:
    await serves_everything(package, tmp_path)


@pytest.mark.registry
@pytest.mark.proof
async def test_serves_with_nothing_but_what_is_locked(wheel_file: Path, tmp_path: Path) -> None:
    """In an environment that has the packages of the runtime's lock file, by their hashes."""
    there = installed(wheel_file, tmp_path / "environment")
    (paths,) = there.environment.glob("lib/python*/site-packages/*.pth")
    paths.unlink()
    lock = ROOT / "requirements-runtime.lock"
    pip_install(there, "--require-hashes", "--only-binary", ":all:", "--requirements", lock)
    folder = tmp_path / "empty"
    folder.mkdir()
    await serves_everything(there, folder)
