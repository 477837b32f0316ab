"""The local stack, with Postgres set up to be measured."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from devstack import postgres, tools
from devstack.stack import Stack
from tests.support.clusters import devstack_settings

if TYPE_CHECKING:
    from psycopg import Connection

    from devstack.processes import Program

# fsync stays off, as in all tests: waiting for a disk takes the same from every variant and would
# hide what they differ in. What is written is not spared: a ledger that grows has to pay for the
# pages it touches. The rest is usual for a server of this size.
POSTGRES = {
    "fsync": "off",
    "full_page_writes": "on",
    "shared_buffers": "2GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "track_commit_timestamp": "on",
}
# Nothing runs beside what is measured, and all buyers come from one address.
_SIDECAR = {
    "COINSLOT_RECONCILE_SECONDS": "3600",
    "COINSLOT_LOG_FORMAT": "json",
    "COINSLOT_LIMIT_ADDRESS_FACTOR": "1000000",
}


class BenchStack(Stack):
    def __init__(self) -> None:
        super().__init__(devstack_settings("bench"), dotenv=None)

    @cached_property
    def programs(self) -> list[Program]:
        database, *others, sidecar = super().programs
        options = [part for key, value in POSTGRES.items() for part in ("-c", f"{key}={value}")]
        return [
            replace(database, argv=[*database.argv, *options]),
            *others,
            replace(sidecar, env={**sidecar.env, **_SIDECAR}),
        ]

    @property
    def pgbench(self) -> Path:
        return self._placement.bin_dir / "pgbench"

    def create_database(self, name: str) -> None:
        """A migrated one beside the stack's own, which nothing but the benchmark knows."""
        copy = sql.SQL("create database {} template {} owner postgres").format(
            sql.Identifier(name), sql.Identifier(self._template)
        )
        url = self.settings.database_url(postgres.SUPERUSER)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(copy)

    @cached_property
    def _template(self) -> str:
        name = "bench_template"
        postgres.create_database(self.settings, name, "strict")
        tools.reset(self.settings, database=name, seed=False)
        return name

    def connect(self, database: str = "postgres") -> Connection:
        """As `postgres`, with autocommit."""
        return psycopg.connect(self.settings.database_url(database=database), autocommit=True)
