"""People in a database whose rows say more than one thing: who merged, and who was imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg
import pytest

from tests.database.people import (
    Bank,
    Refusal,
    ask_refund,
    capture,
    gateway_says,
    hold,
    merge,
    spend,
)

if TYPE_CHECKING:
    from tests.database.people import Connection

APP = """
create table public.members (id uuid primary key, tokens integer not null default 0);
create table public.old_payments (id bigint primary key, user_id uuid, paid integer);
"""
TAKEN_IN = """
select * from coinslot.import_balances('public.members', 'id', 'tokens');
select coinslot.close_table('public.old_payments');
"""
"""The app's own migrations: a new project has run both before there are any people in it."""

_OLD = 42


@dataclass(frozen=True)
class Inhabitants:
    """`guest` bought without an account and merged into `home`. `old` had a balance before."""

    guest: UUID
    home: UUID
    old: UUID
    order: str
    hold_id: UUID

    @classmethod
    def settle(cls, bank: Bank) -> Inhabitants:
        """With 10 tokens bought, 3 of them held, 1 spent, and merged; and an import of 42."""
        guest, home, old = uuid4(), bank.user(2), bank.user()
        bank.change("insert into auth.users (id, is_anonymous) values (%s, true)", guest)
        order = bank.order(guest)
        bank.ask(gateway_says(order, 1, paid=5000))
        bank.ask(spend(guest, 1, "once"))
        hold_id = bank.ask(hold(guest, 3, "job"))["id"]
        bank.ask(merge(guest, home, "sign in"))
        bank.change(APP)
        bank.change("insert into public.members values (%s, %s)", old, _OLD)
        bank.change("insert into public.old_payments values (1, %s, 5000)", old)
        bank.change(TAKEN_IN)
        return cls(guest, home, old, order, hold_id)

    def go_on(self, bank: Bank) -> None:
        """In a copy: whatever comes about them finds who they are, and nothing is done twice."""
        assert (bank.wallet(self.guest), bank.wallet(self.home)) == ((0, 0), (11, 3))
        assert bank.ask(merge(self.guest, self.home, "sign in"))["replayed"]
        assert bank.ask(spend(self.home, 1, "once"))["replayed"]
        with bank.connect() as connection:
            refused = spend(self.guest, 1, "again")(connection)
            assert refused == Refusal("PT409", "wallet_merged")
            self._is_imported_once(bank, connection)
        assert bank.ask(capture(self.hold_id))["user_id"] == self.home
        assert bank.ask(ask_refund(self.order, "after", 2500, force=True))["status"] == "requested"
        bank.ask(gateway_says(self.order, 2, paid=5000, withdrawn=5000))
        tokens, _ = bank.wallet(self.home)
        assert tokens == 11 - 3 - 10
        assert not bank.audit()

    def _is_imported_once(self, bank: Bank, connection: Connection) -> None:
        [again] = bank.rows(TAKEN_IN.splitlines()[1])
        assert (again["users"], again["tokens"], again["replayed"]) == (1, _OLD, True)
        assert bank.wallet(self.old) == (_OLD, 0)
        with pytest.raises(psycopg.DatabaseError, match="table_closed"):
            connection.execute("update public.old_payments set paid = 1")
