"""The local stack with two sidecars, any process of which can be killed and started again."""

from __future__ import annotations

import signal
from contextlib import redirect_stderr
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import httpx
import psutil

from coinslot import logs
from coinslot.settings.deployment import Settings, load_settings, setting_names
from devstack import postgres
from tests.support.clocks import library_for
from tests.support.clusters import devstack_settings, free_ports
from tests.support.portone_v2 import API_SECRET, CHANNEL, SECRET, STORE
from tests.support.stacks import SeededStack

if TYPE_CHECKING:
    from devstack.processes import Program

SIDECARS = ("sidecar-a", "sidecar-b")
_OWN = "storm"
# Impatient, so that a fault costs the storm seconds and not minutes.
_IMPATIENT = {
    "COINSLOT_GATEWAY_TIMEOUT": "2.5",
    "COINSLOT_DATABASE_TIMEOUT": "5",
    "COINSLOT_RECONCILE_SECONDS": "3",
    "COINSLOT_MAINTENANCE_SECONDS": "5",
    "COINSLOT_SWEEP_SECONDS": "0.5",
    "COINSLOT_SWEEP_IDLE_SECONDS": "2",
    "COINSLOT_LOG_FORMAT": "json",
}


class StormStack(SeededStack):
    """Postgres keeps its promises here: what was acknowledged survives a SIGKILL."""

    sidecars_have: ClassVar[dict[str, str]] = _IMPATIENT

    def __init__(self) -> None:
        super().__init__(devstack_settings("storm").model_copy(update={"fsync": True}), dotenv=None)
        self._ports = dict(zip(SIDECARS, free_ports(2), strict=True))
        self._on_v2 = False

    @cached_property
    def programs(self) -> list[Program]:
        *others, sidecar = super().programs
        return [*others, *(self._sidecar(sidecar, name) for name in SIDECARS)]

    def _sidecar(self, program: Program, name: str) -> Program:
        port = self._ports[name]
        alone = self.settings.model_copy(update={"sidecar_port": port})
        env = {**program.env, **self.sidecars_have, "COINSLOT_SIDECAR_PORT": str(port)}
        return replace(
            program,
            name=name,
            ports={"COINSLOT_SIDECAR_PORT": port},
            env=env | (self._v2_keys() if self._on_v2 else {}),
            ready=lambda: _is_ready(alone.sidecar_url),
        )

    def _v2_keys(self) -> dict[str, str]:
        return {
            "PORTONE_API_SECRET": API_SECRET,
            "PORTONE_STORE_ID": STORE,
            "PORTONE_CHANNEL_KEY": CHANNEL,
            "PORTONE_WEBHOOK_SECRETS": SECRET,
            "PORTONE_API_URL": f"{self.settings.simulators_url}/portone-v2",
        }

    def sidecar_urls(self) -> list[str]:
        return [f"http://127.0.0.1:{self._ports[name]}" for name in SIDECARS]

    def move_to_v2(self) -> None:
        """New orders through PortOne V2, beside those that V1 began: at no time is there a sidecar
        that knows less than the other."""
        for name in SIDECARS:
            self.kill(name)
        self._on_v2 = True
        del self.programs
        for name in SIDECARS:
            self.start(name)

    def sidecar_settings(self) -> Settings:
        """As the sidecars have them now."""
        env = self._program(SIDECARS[0]).env
        known = {name: env[name.upper()] for name in setting_names() if name.upper() in env}
        return load_settings(_env_file=None, **known)

    def kill(self, name: str) -> None:
        """At once and without a word; of Postgres, everything that it forked."""
        process = self.processes.find(name)
        children = process.children(recursive=True) if process and name == "postgres" else []
        self.processes.stop(replace(self._program(name), stop_signal=signal.SIGKILL))
        for child in children:
            if child.is_running():
                child.kill()
        psutil.wait_procs(children, timeout=10)

    def stop(self, name: str) -> None:
        """As its operator does, who gives it a little longer than it takes."""
        self.processes.stop(self._program(name), seconds=40)

    def start(self, name: str) -> None:
        program = self._program(name)
        if name == "postgres":
            postgres.clear_stale_pid(self._placement)
        self.processes.require_ports([program])
        self.processes.start(program)

    def move_database_clock(self, days: int) -> None:
        """Stops Postgres and starts it so many days ahead of everybody else: libfaketime is loaded
        under it. No sidecar is to run: none serves while the clocks are apart."""
        self.processes.stop(self._program("postgres"))
        library = library_for(self._placement)
        ahead = {"LD_PRELOAD": str(library), "FAKETIME": f"+{days}d", "DONT_FAKE_MONOTONIC": "1"}
        program = self._program("postgres")
        postgres.clear_stale_pid(self._placement)
        self.processes.start(replace(program, env={**program.env, **ahead}))
        self.processes.wait_ready(program)
        self.processes.wait_ready(self._program("postgrest"))

    def keep_own_log(self) -> None:
        """Of this process, which reconciles in the end as a sidecar does."""
        file = self.processes.log(_OWN)
        file.parent.mkdir(parents=True, exist_ok=True)
        with redirect_stderr(file.open("a", buffering=1)):
            logs.configure([], "json")

    def becomes_ready(self, name: str) -> bool:
        return self.processes.becomes_ready(self._program(name))

    def await_all(self) -> None:
        for program in self.programs:
            if not self.processes.becomes_ready(program):
                self.processes.stop(program)
                self.processes.start(program)
            self.processes.wait_ready(program)

    def sidecar_logs(self) -> list[str]:
        return [
            line
            for name in (*SIDECARS, _OWN)
            for line in self.processes.log(name).read_text(errors="replace").splitlines()
        ]

    def _program(self, name: str) -> Program:
        return next(program for program in self.programs if program.name == name)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready", timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False
