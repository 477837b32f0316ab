"""`python -m tests.image`: builds the image, runs it, and says what it costs; 1 if it is not fit.

No daemon is needed, but root and Debian's debootstrap, buildah, podman and runc. The base is made
here from Debian's packages, with Debian's Python. It is not the official image that the Dockerfile
names, which no registry of packages has.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from devstack.settings import ROOT
from tests.support.clusters import free_ports
from tests.support.first_sale import first_sale
from tests.support.stacks import running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stacks import LocalStack

TOOLS = ("debootstrap", "buildah", "podman", "runc")
FOLDER = ROOT / "build/image"
# What stands for each argument of the Dockerfile.
BASES = {
    "BASE": ("base", "python3,ca-certificates"),
    "BUILD": ("build-base", "python3-venv,binutils,ca-certificates"),
}
_IMAGE = "localhost/coinslot"
_STORAGE = ("--root", str(FOLDER / "storage"), "--runroot", str(FOLDER / "run"))
_VFS = (*_STORAGE, "--storage-driver", "vfs")
# Megabytes, seconds.
LARGEST, MOST_MEMORY, LONGEST_START, LONGEST_STOP = 250.0, 120.0, 2.0, 5.0
_PODMAN_RUN = (
    *("podman", *_VFS, "--runtime", "runc", "--cgroup-manager", "cgroupfs", "run"),
    *("--network", "host", "--read-only", "--ulimit", "nofile=1024:1024"),
    *("--ulimit", "nproc=1024:1024"),
)
_CERTIFICATES = "/etc/ssl/certs"


def run(*command: str) -> str:
    """Its output. Ends this program, with what the command said, where it fails."""
    done = subprocess.run(command, cwd=ROOT, check=False, text=True, capture_output=True)
    if done.returncode:
        sys.stderr.write(done.stdout[-4000:] + done.stderr[-4000:])
        message = f"{command[0]} ended with {done.returncode}"
        raise SystemExit(message)
    return done.stdout.strip()


def make_base(name: str, packages: str) -> None:
    """Debian's minimum with these packages, without what no program reads; once."""
    made = FOLDER / name
    if made.is_dir():
        return
    half = made.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    half.parent.mkdir(parents=True, exist_ok=True)
    run("debootstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(half))
    for each in ("doc", "locale", "man", "info"):
        shutil.rmtree(half / "usr/share" / each, ignore_errors=True)
    for folder in ("var/cache/apt", "var/lib/apt/lists"):
        for file in (half / folder).rglob("*"):
            if file.is_file():
                file.unlink()
    # As the official image is: that one has no bytecode.
    for cache in list((half / "usr/lib").rglob("__pycache__")):
        shutil.rmtree(cache)
    half.rename(made)


def commit_base(name: str) -> str:
    """The folder as an image; its name."""
    image = f"localhost/coinslot-{name}"
    container = run("buildah", *_VFS, "from", "scratch")
    run("buildah", *_VFS, "add", "--quiet", container, str(FOLDER / name), "/")
    run("buildah", *_VFS, "commit", "--quiet", "--rm", container, image)
    return image


def build() -> None:
    """From a wheel of this checkout, as `make package` makes it."""
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    run(sys.executable, "-m", "hatchling", "build", "--directory", "dist")
    shutil.rmtree(FOLDER / "storage", ignore_errors=True)
    bases = {argument: commit_base(name) for argument, (name, _) in BASES.items()}
    run(
        *("buildah", *_VFS, "bud", "--isolation", "chroot", "--pull-never", "--format", "docker"),
        *(part for each, image in bases.items() for part in ("--build-arg", f"{each}={image}")),
        *("--file", "sidecar/deploy/Dockerfile"),
        *("--ignorefile", "sidecar/deploy/Dockerfile.dockerignore"),
        *_registry_access(),
        *("--tag", _IMAGE, "."),
    )


def _registry_access() -> list[str]:
    """The way to the packages, as this machine is set up for it; nothing of it stays."""
    names = ("PIP_CERT", "PIP_INDEX_URL", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")
    given = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    return [
        *("--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"),
        *(part for each in given for part in ("--env", each)),
    ]


@contextmanager
def container(stack: LocalStack, port: int) -> Iterator[str]:
    """The image as a platform runs it: not as root, nothing writable, no rights."""
    settings = {**stack.env, "COINSLOT_MODE": "test", "PORT": str(port)}
    name = run(
        *(*_PODMAN_RUN, "--detach", "--tmpfs", "/tmp", "--cap-drop", "all"),  # noqa: S108
        *("--security-opt", "no-new-privileges"),
        *(part for each, value in settings.items() for part in ("--env", f"{each}={value}")),
        _IMAGE,
    )
    try:
        yield name
    finally:
        run("podman", *_VFS, "--runtime", "runc", "rm", "--force", "--time", "1", name)


def measured(stack: LocalStack) -> dict[str, float]:
    """Of a container that was started, asked and stopped: seconds, and megabytes."""
    (port,) = free_ports(1)
    with container(stack, port) as name:
        about = json.loads(run("podman", *_VFS, "inspect", name))[0]["State"]
        _wait_for(f"http://127.0.0.1:{port}/ready")
        ready = time.time()
        began = Path(f"/proc/{about['Pid']}").stat().st_ctime
        page = httpx.get(f"http://127.0.0.1:{port}/store")
        assert page.status_code == 200, "the store page is not there"
        asyncio.run(first_sale(stack, f"http://127.0.0.1:{port}"))
        status = Path(f"/proc/{about['Pid']}/status").read_text(encoding="utf-8")
        fields = dict(line.split(":", 1) for line in status.splitlines())
        assert fields["Uid"].split()[0] == "10001", "it runs as another user"
        assert int(fields["CapEff"].strip(), 16) == 0, "it has rights"
        stopping = time.monotonic()
        run("podman", *_VFS, "--runtime", "runc", "stop", "--time", "30", name)
        code = run("podman", *_VFS, "inspect", "--format", "{{.State.ExitCode}}", name)
        assert code == "0", f"it ended with {code}"
        return {
            "seconds to ready": ready - began,
            "memory, MB": int(fields["VmRSS"].split()[0]) / 1024,
            "seconds to stop": time.monotonic() - stopping,
        }


def _wait_for(url: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    message = f"{url} did not answer"
    raise SystemExit(message)


def compiled_at_start() -> float:
    """The modules that have no bytecode which fits: each start would compile them again."""
    look = 'python3 -v -c "import coinslot.cli.app, coinslot.server.app" 2>&1'
    said = run(*_PODMAN_RUN, "--rm", _IMAGE, "sh", "-c", look)
    lines = [line for line in said.splitlines() if line.startswith("# code object from ")]
    assert any(line.endswith(".pyc'") for line in lines), "Python said nothing"
    return float(sum(line.endswith(".py") for line in lines))


def size() -> float:
    """Megabytes, unpacked."""
    return int(run("podman", *_VFS, "inspect", "--format", "{{.Size}}", _IMAGE)) / 1e6


def main() -> int:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        sys.stderr.write(f"this needs root and {', '.join(missing or TOOLS)}\n")
        return 1
    for name, packages in BASES.values():
        make_base(name, packages)
    build()
    figures = {"size, MB": size(), "modules compiled at start": compiled_at_start()}
    with running_stack(hosted=True) as stack:
        figures |= measured(stack)
    for name, figure in figures.items():
        sys.stdout.write(f"{name}: {figure:.2f}\n")
    limits = (LARGEST, 0.0, LONGEST_START, MOST_MEMORY, LONGEST_STOP)
    return int(any(found > most for found, most in zip(figures.values(), limits, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
