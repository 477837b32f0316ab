"""The stack of a storm of events: each sidecar goes its own way, and is impatient."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, LiteralString

import psycopg

from tests.storm.world import SIDECARS, StormStack
from tests.support.servers import address, listening_socket

if TYPE_CHECKING:
    from devstack.processes import Program

# A lease and a wait cost the storm seconds and not minutes, and no try is the last.
_HASTE: tuple[LiteralString, ...] = (
    "create or replace function coinslot.delivery_lease() returns interval language sql immutable "
    "parallel safe set search_path = '' return interval '5 seconds'",
    "create or replace function coinslot.delivery_wait(attempts integer) returns interval "
    "language sql immutable parallel safe set search_path = '' return interval '500 milliseconds'",
)
_IMPATIENT = {
    "COINSLOT_ENDPOINT_SECONDS": "2",
    "COINSLOT_DELIVERY_SECONDS": "0.3",
    "COINSLOT_MAIL_SECONDS": "0.5",
    "COINSLOT_SMTP_HOST": "127.0.0.1",
    "COINSLOT_SMTP_TLS": "none",
    "COINSLOT_SMTP_SENDER_EMAIL": "hello@example.com",
    "COINSLOT_PUBLIC_URL": "https://pay.example.com",
}


class EventStack(StormStack):
    """`sockets` are those of the sidecars' ways to the API, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.sockets = {name: listening_socket() for name in SIDECARS}
        self.mail_port = 0

    def _sidecar(self, program: Program, name: str) -> Program:
        found = super()._sidecar(program, name)
        own = {
            "SUPABASE_URL": address(self.sockets[name]),
            "COINSLOT_SMTP_PORT": str(self.mail_port),
        }
        return replace(found, env={**found.env, **_IMPATIENT, **own})

    def hasten(self) -> None:
        with psycopg.connect(self.settings.database_url(), autocommit=True) as connection:
            for statement in _HASTE:
                connection.execute(statement)
