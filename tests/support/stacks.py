"""The whole local stack for end-to-end tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from uuid import uuid4

import httpx
import psycopg
from supabase import AsyncClient, AsyncClientOptions, acreate_client

from devstack.keys import ApiKeys
from devstack.processes import Program
from devstack.settings import DevstackSettings
from devstack.stack import Stack
from tests.support.clusters import devstack_settings, discard, shared_seed
from tests.support.seeds import copy_or_make
from tests.support.sidecars import NO_HURRY

PASSWORD = "correct horse"


@dataclass(frozen=True)
class Person:
    id: str
    email: str
    token: str
    """Their access token."""


@dataclass(frozen=True)
class LocalStack:
    manager: Stack

    @property
    def settings(self) -> DevstackSettings:
        return self.manager.settings

    @property
    def keys(self) -> ApiKeys:
        return self.manager.keys

    @property
    def api_url(self) -> str:
        """The project's address, as `createClient` is given it."""
        return self.settings.api_url

    @property
    def sidecar_url(self) -> str:
        return self.settings.sidecar_url

    @property
    def portone_url(self) -> str:
        """PortOne V1's simulator; its control API is below `/_sim`."""
        return f"{self.settings.simulators_url}/portone-v1"

    @property
    def database_url(self) -> str:
        return self.settings.database_url()

    @property
    def env(self) -> dict[str, str]:
        """The variables of `.devstack/env`: give them to a Node script as its environment."""
        return self.manager.published()

    def headers(self, person: Person | None = None) -> dict[str, str]:
        """Of a request to PostgREST as this person, or as the service."""
        if person is None:
            key = self.keys.service_role
            return {"apikey": key, "authorization": f"Bearer {key}"}
        return {"apikey": self.keys.anon, "authorization": f"Bearer {person.token}"}

    def sign_up(self, email: str | None = None, password: str = PASSWORD) -> Person:
        body = {"email": email or f"{uuid4().hex}@example.com", "password": password}
        return self._sign_up(body)

    def sign_in_anonymously(self) -> Person:
        return self._sign_up({})

    def sign_up_with(self, provider: str, **claims: object) -> Person:
        """Through another provider than e-mail, which tells these claims: `sub`, maybe more."""
        return self._person(f"_external/{provider}", claims, self.keys.service_role)

    def connect(self) -> psycopg.Connection:
        """As `postgres`, with autocommit."""
        return psycopg.connect(self.database_url, autocommit=True)

    @contextmanager
    def without_its_sidecar(self) -> Iterator[None]:
        """Nobody takes up what is due but the test."""
        [program] = [each for each in self.manager.programs if each.name == "sidecar"]
        self.manager.processes.stop(program)
        try:
            yield
        finally:
            self.manager.processes.start(program)
            self.manager.processes.wait_ready(program)

    @asynccontextmanager
    async def supabase(
        self, person: Person | None = None, key: str | None = None
    ) -> AsyncIterator[AsyncClient]:
        """supabase-py, with the publishable key or another one, as this person if there is one."""
        async with httpx.AsyncClient() as http:
            options = AsyncClientOptions(httpx_client=http, auto_refresh_token=False)
            if person:
                options.headers["Authorization"] = f"Bearer {person.token}"
            yield await acreate_client(self.api_url, key or self.keys.publishable, options)

    def _sign_up(self, body: dict[str, str]) -> Person:
        return self._person("signup", body, self.keys.anon)

    def _person(self, route: str, body: Mapping[str, object], key: str) -> Person:
        answer = httpx.post(
            f"{self.api_url}/auth/v1/{route}", json=dict(body), headers={"apikey": key}
        )
        session = answer.raise_for_status().json()
        user = session["user"]
        return Person(user["id"], user["email"], session["access_token"])


class BusyStack(Stack):
    """A stack whose sidecar takes more calls from one address than a real one would, and looks
    more often for what is to be charged."""

    @cached_property
    def programs(self) -> list[Program]:
        *others, sidecar = super().programs
        changes = {"COINSLOT_CHARGE_SECONDS": "2"}
        changes |= {name.upper(): rate for name, rate in NO_HURRY.items()}
        return [*others, replace(sidecar, env={**sidecar.env, **changes})]


class SeededStack(BusyStack):
    """One whose first start copies a database that was migrated and seeded for all workers."""

    def _start_postgres(self, program: Program) -> None:
        seed = shared_seed("seeded")
        if seed and not self._migrated.exists():
            copy_or_make(self._placement.data_dir, seed, self._make_seed)
            self._note_migrations()
        super()._start_postgres(program)

    def _make_seed(self) -> None:
        database = self.programs[0]
        super()._start_postgres(database)
        self._migrate()
        self.processes.stop(database)


@contextmanager
def running_stack(name: str = "stack", *, hosted: bool = False) -> Iterator[LocalStack]:
    settings = devstack_settings(name).model_copy(update={"hosted": hosted})
    manager = SeededStack(settings, dotenv=None)
    try:
        manager.up()
        yield LocalStack(manager)
    finally:
        discard(manager)
