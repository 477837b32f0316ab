"""The package as somebody has it who installed it: in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

UV = ROOT / ".venv/bin/uv"


@dataclass(frozen=True)
class Installed:
    environment: Path

    @cached_property
    def bin(self) -> Path:
        return self.environment / "bin"

    def run(
        self, *arguments: str, cwd: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The command `coinslot`, with nothing of this shell or this checkout around it."""
        return subprocess.run(
            [self.bin / "coinslot", *arguments],
            cwd=cwd,
            env={"PATH": os.environ["PATH"], **(env or {})},
            check=False,
            capture_output=True,
            text=True,
        )


def built(target: str, folder: Path, source: Path = ROOT) -> Path:
    """A `wheel` or an `sdist` of these sources."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (made,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return made


def installed(wheel: Path, environment: Path) -> Installed:
    """The wheel in an environment of its own, beside the packages that the tests have.

    Those are found by a path, so that what this checkout adds to them is not.
    """
    venv.create(environment, symlinks=True)
    there = Installed(environment)
    (site,) = environment.glob("lib/python*/site-packages")
    paths = [each for each in sys.path if each.endswith("site-packages")]
    (site / "packages-of-the-tests.pth").write_text("\n".join(paths))
    pip_install(there, "--no-deps", wheel)
    return there


def pip_install(there: Installed, *arguments: str | Path) -> None:
    subprocess.run(
        [UV, "pip", "install", "--quiet", "--python", there.bin / "python", *arguments],
        check=True,
        capture_output=True,
    )
