"""Many copies of people with a history, and people who go on spending while something happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from random import Random
from threading import Event
from uuid import UUID

import psycopg
from psycopg import sql

from tests.database.people import (
    Answer,
    Bank,
    Call,
    Connection,
    Refusal,
    create_order,
    gateway_says,
    grant,
    hold,
    refund_spend,
    release,
    spend,
)

_TABLES = (
    ("auth", "users"),
    ("public", "token_wallets"),
    ("public", "token_ledger"),
    ("public", "token_payments"),
    ("coinslot", "payment_attempts"),
    ("coinslot", "token_holds"),
    ("coinslot", "spend_refunds"),
    ("coinslot", "merged_wallets"),
    ("coinslot", "refunds"),
)
_REPLACED = (
    psycopg.errors.InvalidFunctionDefinition,
    psycopg.errors.DatatypeMismatch,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedColumn,
)
_UNIQUE = ("email", "order_id", "payment_key")
"""Texts that no two rows share."""


def multiply(url: str, copies: int) -> None:
    """Copies everybody so many times, with all that they have. `url` is the superuser's."""
    with psycopg.connect(url) as connection:
        connection.execute("set local session_replication_role = replica")
        for schema, table in _TABLES:
            columns = connection.execute(_COLUMNS, [schema, table]).fetchall()
            connection.execute(_copying(schema, table, dict(columns)), [copies])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("analyze")


def _copying(schema: str, table: str, columns: dict[str, str]) -> sql.Composed:
    return sql.SQL("insert into {} ({}) select {} from {} t, generate_series(1, %s) n").format(
        sql.Identifier(schema, table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(_copied(table, *column) for column in columns.items()),
        sql.Identifier(schema, table),
    )


def _copied(table: str, name: str, kind: str) -> sql.Composed:
    if kind == "uuid":
        text = "md5(t.{}::text || n)::uuid"
    elif name in _UNIQUE or (table, name) == ("merged_wallets", "idempotency_key"):
        text = "t.{} || '-' || n"
    elif (table, name) == ("token_ledger", "metadata"):
        text = _METADATA
    else:
        text = "t.{}"
    return sql.SQL(text).format(sql.Identifier(name))


class Traffic:
    """People who spend, buy, hold and give back, and what their wallets have by it."""

    def __init__(self, bank: Bank, users: list[UUID]) -> None:
        self.bank = bank
        self.users = users
        self.moved: Counter[UUID] = Counter()
        self.done: Counter[str] = Counter()
        self._times = 0

    @contextmanager
    def under_way(self, people: int) -> Iterator[None]:
        self._times += 1
        over = Event()
        with ThreadPoolExecutor(people) as threads:
            everybody = [
                threads.submit(self._live, number, people, over) for number in range(people)
            ]
            try:
                yield
            finally:
                over.set()
        for one in everybody:
            one.result()

    def _live(self, number: int, people: int, over: Event) -> None:
        """Each has wallets of their own."""
        random = Random(number)  # noqa: S311 - the same people each time
        mine = self.users[number::people]
        turn = 0
        with self.bank.connect() as connection:
            # As behind PostgREST: a statement prepared before a table got its column is refused.
            connection.prepare_threshold = None
            while not over.is_set():
                turn += 1
                self._act(connection, random, random.choice(mine), f"{self._times} {number} {turn}")

    def _made(self, call: Call, connection: Connection) -> Answer:
        """A call that waited while its table got a column, or while the functions that it goes on
        to were replaced, fails with nothing done, and is made again."""
        while True:
            try:
                return call(connection)
            except _REPLACED:
                self.done["made again"] += 1

    def _act(self, connection: Connection, random: Random, user: UUID, key: str) -> None:
        made = partial(self._made, connection=connection)
        if made(spend(user, 1, key)) == Refusal("PT402", "insufficient_tokens"):
            self._note("grant", user, 5, made(grant(user, 5, f"{key} grant")))
            return
        self._note("spend", user, -1, {})
        if random.random() < 0.2:
            given = made(refund_spend(user, f"{key} back", key, caller="user"))
            self._note("give back", user, 1, given)
        if random.random() < 0.2:
            held = made(hold(user, 1, f"{key} hold"))
            if not isinstance(held, Refusal):
                self._note("hold", user, 0, made(release(held["id"])))
        if random.random() < 0.2:
            order = made(create_order(user, None))
            assert not isinstance(order, Refusal), order
            paid = made(gateway_says(order["order_id"], 1, paid=5000))
            self._note("buy", user, order["tokens"], paid)

    def _note(self, what: str, user: UUID, tokens: int, answer: object) -> None:
        assert not isinstance(answer, Refusal), (what, answer)
        self.done[what] += 1
        self.moved[user] += tokens


_COLUMNS = """
select column_name, data_type from information_schema.columns
where table_schema = %s and table_name = %s and is_identity = 'NO' and is_generated = 'NEVER'
"""
_METADATA = """
coalesce((
  select jsonb_object_agg(m.key, case when m.key in ('from_user', 'into_user', 'spend_user')
    then to_jsonb(md5((m.value #>> '{{}}') || n)::uuid) else m.value end)
  from jsonb_each(t.{}) m
), '{{}}')
"""
