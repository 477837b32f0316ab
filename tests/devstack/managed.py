"""A stack seen from outside: its processes, its ports, its answers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import psutil

from devstack.settings import ROOT, DevstackSettings
from devstack.stack import Stack
from tests.support.servers import PATIENCE
from tests.support.stacks import LocalStack

NAMES = ["postgres", "postgrest", "auth", "api", "simulators", "sidecar"]


def variables(settings: DevstackSettings) -> dict[str, str]:
    """The settings as a shell would give them."""
    fields = settings.model_dump(exclude_none=True)
    return {f"COINSLOT_{name.upper()}": str(value) for name, value in fields.items()}


@contextmanager
def command(
    settings: DevstackSettings, command: str, output: int | IO[bytes] = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command of the stack; it is killed in the end, if it has not ended by itself."""
    with subprocess.Popen(
        [sys.executable, "-m", "devstack", command],
        env={**os.environ, **variables(settings)},
        cwd=ROOT,
        stdout=output,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def pids(manager: Stack) -> dict[str, int]:
    found = {name: manager.processes.find(name) for name in NAMES}
    return {name: process.pid for name, process in found.items() if process}


def recorded(settings: DevstackSettings) -> dict[str, dict[str, int]]:
    try:
        records: dict[str, dict[str, int]] = json.loads(
            (settings.devstack_dir / "processes.json").read_text()
        )
    except FileNotFoundError:
        return {}
    return records


def has_started(settings: DevstackSettings, number: int) -> bool:
    return len(recorded(settings)) >= number


def pretend_pid(folder: Path, name: str, pid: int) -> None:
    file = folder / "processes.json"
    records = json.loads(file.read_text())
    os.kill(records[name]["pid"], signal.SIGKILL)
    records[name]["pid"] = pid
    records[name]["created"] -= 60
    file.write_text(json.dumps(records))


def listening(settings: DevstackSettings) -> set[int]:
    """The processes that listen at this stack's ports."""
    fields = settings.model_dump()
    ports = {value for name, value in fields.items() if name.endswith("_port")}
    return {
        connection.pid
        for connection in psutil.net_connections("tcp4")
        if connection.status == psutil.CONN_LISTEN and connection.laddr
        if connection.laddr.port in ports and connection.pid is not None
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def tokens(stack: LocalStack, token: str) -> int:
    answer = httpx.post(
        f"{stack.api_url}/rest/v1/rpc/get_user_tokens",
        json={},
        headers={"apikey": stack.keys.anon, "authorization": f"Bearer {token}"},
    )
    tokens: int = answer.raise_for_status().json()
    return tokens


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
