"""The local stack as a whole: its start, its end, its state."""

from __future__ import annotations

import fcntl
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from devstack import environment, postgres, programs, tools
from devstack.clock import Clock, moved
from devstack.keys import LOCAL_JWT_SECRET, ApiKeys, user_claims
from devstack.placement import Placement, place
from devstack.processes import Processes, Program
from devstack.settings import ROOT, DevstackError, DevstackSettings

Report = Callable[[str], None]


class Stack:
    """One folder of data with its processes. `dotenv` is the person's `.env`, None for tests."""

    def __init__(
        self,
        settings: DevstackSettings,
        dotenv: Path | None = ROOT / ".env",
        report: Report = lambda _: None,
    ) -> None:
        self.settings = settings
        self.keys = ApiKeys(LOCAL_JWT_SECRET, asymmetric=settings.hosted)
        self.processes = Processes(settings.devstack_dir)
        self._dotenv = dotenv
        self._report = report
        settings.devstack_dir.mkdir(parents=True, exist_ok=True)

    @cached_property
    def programs(self) -> list[Program]:
        """The programs, in starting order."""
        services = programs.services(self.settings, self.keys, self._dotenv)
        return [postgres.program(self._placement, self.settings), *services]

    def up(self) -> None:
        """Start all that does not run, and return once everything is healthy."""
        tools.require_node()
        for note in self._placement.notes:
            self._report(note)
        with self._lock():
            missing = self._missing()
            self.processes.require_ports(missing)
            self._stop(missing)
            self.processes.require_ports(missing)
            try:
                self._start(missing)
            except BaseException:
                self._stop(missing)
                raise
            self._write_env()

    def require_ports(self) -> None:
        """Raise `DevstackError` if somebody else listens at a port of this stack."""
        self.processes.require_ports(self.programs)

    def down(self) -> list[str]:
        """Stop all that was started from this folder. Returns the names of those that ran."""
        with self._lock():
            running = self.processes.running()
            self._stop(self.programs)
            return running

    def delete(self) -> None:
        """Stop everything and delete the folder, data and all."""
        self.down()
        shutil.rmtree((self.settings.devstack_dir / "postgres").resolve(), ignore_errors=True)
        shutil.rmtree(self.settings.devstack_dir)

    def reset(self) -> None:
        """Make a new database, by `supabase db reset`; at the next start if nothing runs."""
        with self._lock():
            if "postgres" in self.processes.running():
                tools.reset(self.settings)
                self._note_migrations()
                self._reload_postgrest()
                self._report("migrated and seeded")
            else:
                self._migrated.unlink(missing_ok=True)
                self._report("nothing runs: the next start makes a new database")

    @contextmanager
    def moved_clock(self) -> Iterator[Clock]:
        """Stops all but Postgres, whose clock stands where it is set until the end."""
        with self._lock():
            self._stop(self.programs)
            clock, database = moved(self._placement, self.programs[0])
            try:
                postgres.clear_stale_pid(self._placement)
                self.processes.start(database)
                self.processes.wait_ready(database)
                yield clock
            finally:
                self.processes.stop(database)

    def status(self) -> dict[str, bool | None]:
        """The health of each process; None for one that does not run."""
        running = self.processes.running()
        return {p.name: p.ready() if p.name in running else None for p in self.programs}

    def published(self) -> dict[str, str]:
        """The values in `.devstack/env`: addresses, keys, and a JWT for each seeded user."""
        return {**environment.published(self.settings, self.keys), **self._user_tokens()}

    @cached_property
    def _placement(self) -> Placement:
        return place(self.settings.devstack_dir, self.settings.postgres_bin)

    @property
    def _migrated(self) -> Path:
        """The note that migrations and seed went through. It lists the migrations."""
        return self.settings.devstack_dir / "migrated"

    def _missing(self) -> list[Program]:
        """The programs that do not run, or not as they would be started now."""
        if not self._migrated.exists():
            return self.programs  # a first start that was interrupted is repeated whole
        database = self.programs[0]
        return [
            program
            for program in self.programs
            if not self.processes.is_current(program)
            or (program is database and not program.ready())
        ]

    def _start(self, missing: list[Program]) -> None:
        database, *services = self.programs
        if database in missing:
            self._start_postgres(database)
        self._migrate()
        for program in services:
            # A program that waited for Postgres or a neighbour comes back by itself. One that hangs
            # does not, and would not stop by itself either.
            if program not in missing and not self.processes.becomes_ready(program, seconds=5):
                self.processes.stop(program, seconds=1)
                missing.append(program)
            if program in missing:
                self._report(f"starting {program.title}")
                self.processes.start(program)
        for program in services:
            self.processes.wait_ready(program)

    def _start_postgres(self, program: Program) -> None:
        self._report("starting Postgres")
        first_time = not self._migrated.exists()
        if first_time:
            postgres.initialise(self._placement)
        postgres.clear_stale_pid(self._placement)
        self.processes.start(program)
        self.processes.wait_ready(program)
        if first_time:
            postgres.bootstrap_cluster(self.settings)

    def _migrate(self) -> None:
        if not self._migrated.exists():
            self._report("migrating and seeding with the Supabase CLI")
            tools.reset(self.settings)
            self._note_migrations()
            return
        before = json.loads(self._migrated.read_text())
        now = tools.digests(self.settings)
        rewritten = any(before[version] != now.get(version) for version in before)
        if rewritten or min(now.keys() - before.keys(), default=max(before)) < max(before):
            self._report("migrations were rewritten, or put before those applied: `make reset`?")
        if count := tools.migrate(self.settings):
            self._report(f"applied {count} new migrations")
            self._note_migrations()

    def _note_migrations(self) -> None:
        # In one step: a note that a kill cut short would be taken for a finished first start.
        draft = self._migrated.with_suffix(".draft")
        draft.write_text(json.dumps(tools.digests(self.settings)))
        draft.replace(self._migrated)

    def _stop(self, unwanted: list[Program]) -> None:
        for program in reversed(unwanted):
            self.processes.stop(program)

    def _reload_postgrest(self, seconds: float = 10) -> None:
        """Wait until PostgREST has read the new schema: it says so in its log, and nowhere else."""
        log = self.processes.log("postgrest")
        start = log.stat().st_size
        with psycopg.connect(self.settings.database_url(), autocommit=True) as connection:
            connection.execute("notify pgrst, 'reload schema'")
        deadline = time.monotonic() + seconds
        while b"Schema cache loaded" not in log.read_bytes()[start:]:
            if time.monotonic() > deadline:
                raise DevstackError("PostgREST does not read the new schema: `make down up`")
            time.sleep(0.05)

    def _user_tokens(self) -> dict[str, str]:
        query = (
            "select * from auth.users where id::text like '00000000-0000-4000-8000-%' order by id"
        )
        issuer = f"{self.settings.api_url}/auth/v1"
        with psycopg.connect(
            self.settings.database_url("supabase_admin"), row_factory=dict_row
        ) as connection:
            users = connection.execute(query).fetchall()
        tokens = {}
        for user in users:
            # No session, no end: these are for curl, tomorrow as well.
            claims = user_claims(user, "", issuer) | {"exp": self.keys.expire_at}
            name = user["email"].partition("@")[0].upper()
            tokens[f"{name}_JWT"] = self.keys.sign(claims)
        return tokens

    def _write_env(self) -> None:
        path = self.settings.devstack_dir / "env"
        path.touch(mode=0o600)
        path.write_text("".join(f"{key}={value}\n" for key, value in self.published().items()))

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one command run at a time. The system frees the lock, however the holder ends."""
        with (self.settings.devstack_dir / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
