"""One lock file for every Python from the oldest that is supported to the newest."""

from __future__ import annotations

import asyncio
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = ROOT / "requirements.lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
UV = ROOT / ".venv/bin/uv"
# 3.11.0 to 3.11.2 need what 3.11.3 brought into the standard library.
PYTHONS = ("3.11.0", "3.11.2", "3.12", "3.13", "3.14")


async def uv(*arguments: str | Path) -> tuple[int, str]:
    """Exit status of `uv pip`, and its output."""
    process = await asyncio.create_subprocess_exec(
        *(UV, "pip", *arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def installed(lock: Path, python: str, empty: Path) -> tuple[int, str]:
    """An installation of the lock file for this Python, of which nothing is carried out: every
    package is pinned with hashes and comes as a wheel."""
    return await uv(
        *("install", "--dry-run", "--require-hashes", "--only-binary", ":all:"),
        *("--python-version", python, "--target", empty, "--requirements", lock),
    )


@pytest.mark.registry
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.proof
async def test_the_lock_file_installs_for_every_supported_python(
    python: str, tmp_path: Path
) -> None:
    status, said = await installed(LOCK, python, tmp_path)
    assert status == 0, said


@pytest.mark.registry
@pytest.mark.proof
async def test_a_pin_that_is_missing_for_one_python_is_noticed(tmp_path: Path) -> None:
    """redis needs async-timeout below 3.11.3."""
    short = tmp_path / "requirements.lock"
    pins = LOCK.read_text(encoding="utf-8")
    short.write_text(re.sub(r"^async-timeout==(.*\\\n)*.*\n", "", pins, flags=re.MULTILINE))
    status, said = await installed(short, "3.11.0", tmp_path / "empty")
    assert status != 0
    assert "async-timeout" in said


@pytest.mark.registry
@pytest.mark.proof
async def test_whatever_the_project_needs_is_locked() -> None:
    """Extras of requirements included, what those need in turn, and for which Python it is."""
    status, said = await uv(
        *("compile", "--quiet", "--all-extras", "--universal", "--no-header", "--no-annotate"),
        *("--python-version", PYTHONS[0], "--constraints", LOCK, ROOT / "pyproject.toml"),
    )
    assert status == 0, said
    needed = {str(Requirement(line)) for line in said.splitlines()}
    assert needed - set(map(str, _pins())) == set()


@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_file_satisfies_every_requirement_of_the_project(python: str) -> None:
    pinned = {canonicalize_name(pin.name): pin for pin in _applying(_pins(), python)}
    for wanted in _applying(_requirements(), python):
        pin = pinned.get(canonicalize_name(wanted.name))
        assert pin is not None, f"{wanted} is not locked for Python {python}"
        [version] = [each.version for each in pin.specifier]
        assert wanted.specifier.contains(version, prereleases=True), f"{wanted}, not {pin}"


def test_the_oldest_python_that_is_tried_is_the_oldest_that_is_supported() -> None:
    assert PROJECT["requires-python"] == f">={PYTHONS[0].removesuffix('.0')}"


def _pins() -> Iterator[Requirement]:
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        if re.match(r"[a-z0-9]", line):
            yield Requirement(line.removesuffix("\\").strip())


def _requirements() -> Iterator[Requirement]:
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    for each in lists:
        yield from map(Requirement, each)


def _applying(found: Iterator[Requirement], python: str) -> Iterator[Requirement]:
    whole = python if python.count(".") == 2 else f"{python}.0"
    here = {"python_full_version": whole, "python_version": ".".join(whole.split(".")[:2])}
    for each in found:
        if each.marker is None or each.marker.evaluate(here):
            yield each
