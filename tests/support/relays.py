"""A way to Postgres that breaks at the worst moment: after a commit, and before anybody hears."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from tests.support.clusters import devstack_settings, free_ports
from tests.support.stacks import SeededStack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from devstack.processes import Program

# What Postgres reports once a transaction is safe.
_COMMITTED = b"COMMIT\x00"


@dataclass
class Relay:
    port: int
    target: int
    lost: int = 0
    """Commits that nobody was told of, since `lose_commit` was called."""
    _of: bytes = b""

    def lose_commit(self, of: str) -> None:
        """The next one of a transaction in which this function or table is named."""
        self.lost, self._of = 0, f'"{of}"'.encode()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_postgres, to_postgres = await asyncio.open_connection("127.0.0.1", self.target)
        asked = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as ways:
                back = ways.create_task(self._back(from_postgres, writer, asked))
                forth = ways.create_task(self._forth(reader, to_postgres, asked))
                await asyncio.wait({back, forth}, return_when=asyncio.FIRST_COMPLETED)
                for way in (back, forth):
                    way.cancel()
        finally:
            writer.close()
            to_postgres.close()

    async def _forth(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, asked: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65_536):
                if self._of and self._of in data:
                    self._of = b""
                    asked.set()
                sink.write(data)
                await sink.drain()

    async def _back(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, asked: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65_536):
                if asked.is_set() and _COMMITTED in data:
                    self.lost += 1
                    return
                sink.write(data)
                await sink.drain()


class RelayedStack(SeededStack):
    """PostgREST, and it alone, is connected to Postgres through `port`, and names in every query
    what it calls."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(devstack_settings(name), dotenv=None)
        through = self.settings.model_copy(update={"db_port": port})
        self._postgrest = {
            "PGRST_DB_URI": through.database_url("authenticator"),
            "PGRST_DB_PREPARED_STATEMENTS": "false",
        }

    @cached_property
    def programs(self) -> list[Program]:
        return [
            replace(each, env={**each.env, **self._postgrest}) if each.name == "postgrest" else each
            for each in super().programs
        ]


@asynccontextmanager
async def relayed(name: str) -> AsyncIterator[tuple[RelayedStack, Relay]]:
    """A stack that is not started yet, and the relay in it."""
    (port,) = free_ports(1)
    stack = RelayedStack(name, port)
    relay = Relay(port, stack.settings.db_port)
    async with await asyncio.start_server(relay.carry, "127.0.0.1", port):
        yield stack, relay
