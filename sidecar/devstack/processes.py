"""Processes that outlive the one that started them: start, recognise and stop them.

A process is known by pid *and* creation time, so a recycled pid is never mistaken for one of ours.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from devstack.settings import DevstackError

# A child waits for a line on its standard input before it becomes the program, which gets the rest.
# The line is sent once the record is on disk: no kill in between leaves an unrecorded process.
_LAUNCH = ["/bin/sh", "-c", 'read -r go && exec "$@"', "sh"]
# Creation times are derived from the boot time, which moves when the clock is set.
_CLOCK_TOLERANCE = 2.0
# The children of this process. The record says which run, not this list: they outlive it.
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Program:
    name: str
    title: str
    argv: list[str]
    ports: dict[str, int]
    """The ports at which it listens, by the setting that chooses each."""
    ready: Callable[[], bool]
    env: dict[str, str] = field(default_factory=dict)
    user: str | None = None
    cwd: Path | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stdin: str = ""
    """Its standard input: a configuration with secrets, which neither `ps` nor a disk shows."""

    @property
    def fingerprint(self) -> str:
        """A digest of all that its start depends on: it shows that settings have changed."""
        env = (f"{key}={value}" for key, value in sorted(self.env.items()))
        parts = [*self.argv, *env, self.stdin]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def taken_ports(self, held: Collection[int] = ()) -> list[str]:
        """A sentence for each port at which somebody else listens; `held` ones do not count."""
        return [
            f"port {port} for {self.title} is taken; set {setting}"
            for setting, port in self.ports.items()
            if port not in held and not _is_free(port)
        ]


class Processes:
    """The processes of one folder of data, recorded in its `processes.json`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "processes.json"
        self._logs = folder / "logs"

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def find(self, name: str) -> psutil.Process | None:
        """The recorded process, if it is still the one that was recorded."""
        record = self._read().get(name)
        if record is None:
            return None
        try:
            process = psutil.Process(record["pid"])
            same = abs(process.create_time() - record["created"]) < _CLOCK_TOLERANCE
        except psutil.NoSuchProcess:
            return None
        return process if same and not _has_ended(process) else None

    def running(self) -> list[str]:
        return [name for name in self._read() if self.find(name)]

    def is_current(self, program: Program) -> bool:
        """True if it runs, and was started in the very way it would be started now."""
        recorded = self._read().get(program.name, {}).get("fingerprint")
        return recorded == program.fingerprint and self.find(program.name) is not None

    def require_ports(self, programs: list[Program], seconds: float = 2) -> None:
        """Raises `DevstackError` unless each port is free, or will be once `programs` are stopped.

        Waits a moment: what was killed lets go of its port a little after it is seen to end.
        """
        deadline = time.monotonic() + seconds
        while taken := self._taken_ports(programs):
            if time.monotonic() > deadline:
                raise DevstackError("\n".join(taken))
            time.sleep(0.05)

    def _taken_ports(self, programs: list[Program]) -> list[str]:
        held = self._held_ports(programs)
        return [sentence for program in programs for sentence in program.taken_ports(held)]

    def _held_ports(self, programs: list[Program]) -> set[int]:
        """The ports at which these processes of the folder listen now."""
        held = set()
        for process in filter(None, (self.find(program.name) for program in programs)):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                sockets = process.net_connections("tcp4")
                held |= {each.laddr.port for each in sockets if each.status == psutil.CONN_LISTEN}
        return held

    def start(self, program: Program) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        with self.log(program.name).open("ab") as log:
            child = subprocess.Popen(
                [*_LAUNCH, *program.argv],
                env=program.env,
                cwd=program.cwd,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the manager, which stops them in order
                **as_user(program.user),
            )
        created = psutil.Process(child.pid).create_time()
        record = {"pid": child.pid, "created": created, "fingerprint": program.fingerprint}
        self._write({**self._read(), program.name: record})
        _children.append(child)
        _release(child, program.stdin)

    def becomes_ready(self, program: Program, seconds: float = 30) -> bool:
        deadline = time.monotonic() + seconds
        while not program.ready():
            if self.find(program.name) is None or time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def wait_ready(self, program: Program) -> None:
        """Raises `DevstackError` with the end of the log if it dies or stays unready."""
        if not self.becomes_ready(program):
            what = "is not ready" if self.find(program.name) else "stopped while starting"
            message = f"{program.title} {what}:\n{self._tail(program.name)}"
            raise DevstackError(message)

    def stop(self, program: Program, seconds: float = 10) -> None:
        """Stop it, if it runs, and forget it. If it does not stop it is killed."""
        process = self.find(program.name)
        if process is not None:
            _stop(process, program.stop_signal, seconds)
        _reap()
        self._write({name: record for name, record in self._read().items() if name != program.name})

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            records: dict[str, dict[str, Any]] = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}
        return records

    def _write(self, records: dict[str, dict[str, Any]]) -> None:
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(records, indent=2))
        partial.replace(self._file)

    def _tail(self, name: str, lines: int = 12) -> str:
        text = self.log(name).read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in text[-lines:])


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]


def _release(child: subprocess.Popen[bytes], stdin: str) -> None:
    """Let the child go on. `wait_ready` reports one that has died already."""
    with contextlib.suppress(BrokenPipeError), child.stdin or contextlib.nullcontext() as pipe:
        if pipe:
            pipe.write(f"go\n{stdin}".encode())


def _stop(process: psutil.Process, stop_signal: signal.Signals, seconds: float) -> None:
    for number in (stop_signal, signal.SIGKILL):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if _has_ended(process):
                return
            time.sleep(0.02)


def _has_ended(process: psutil.Process) -> bool:
    """True also for a zombie, which another process has to reap."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def as_user(user: str | None) -> dict[str, Any]:
    if user is None or os.geteuid() != 0:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
