"""Accounts, and the steps of people with them: to sign up, buy, bring a balance, be refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.database.people import (
    Bank,
    Call,
    Refusal,
    gateway_says,
    receipts,
)

BONUS, STARTER = 5, 10


@pytest.fixture(autouse=True)
def books(bank: Bank) -> Any:  # noqa: ANN401 - a fixture
    """The books add up after every threat."""
    yield
    assert not bank.audit()


def anonymous(bank: Bank) -> UUID:
    user = uuid4()
    bank.change("insert into auth.users (id, is_anonymous) values (%s, true)", user)
    return user


def signed_up(bank: Bank, user: UUID | None = None, email: str | None = "") -> UUID:
    """Somebody whose address is confirmed, if they have one."""
    user = user or uuid4()
    email = f"{user}@example.com" if email == "" else email
    bank.change(
        "insert into auth.users (id, email, email_confirmed_at, created_at)"
        " values (%s, %s, case when %s::text is not null then now() end, now())",
        *(user, email, email),
    )
    return user


def confirm(bank: Bank, user: UUID, email: str) -> None:
    bank.change(
        "update auth.users set email = %s, email_confirmed_at = now(), is_anonymous = false"
        " where id = %s",
        *(email, user),
    )


def bought(bank: Bank, user: UUID) -> str:
    order = bank.order(user)
    bank.ask(gateway_says(order, 1, paid=5000))
    return order


def members(bank: Bank, balances: dict[UUID, int]) -> str:
    """An app's own table of balances."""
    table = f"public.members_{uuid4().hex}"
    bank.change(f"create table {table} (id uuid primary key, tokens integer)")
    for user, tokens in balances.items():
        bank.change(f"insert into {table} values (%s, %s)", user, tokens)
    return table


def imported(bank: Bank, balances: dict[UUID, int]) -> None:
    bank.rows(
        f"select * from coinslot.import_balances('{members(bank, balances)}', 'id', 'tokens')"
    )


def as_user(
    bank: Bank, user: UUID, statement: str, *values: object, claims: dict[str, object] | None = None
) -> None:
    """A statement of the attacker's own: more than PostgREST lets through."""
    with bank.connect() as connection, connection.transaction():
        told = {"role": "authenticated", "sub": str(user), **(claims or {})}
        connection.execute(
            "select set_config('role', 'authenticated', true),"
            " set_config('request.jwt.claims', %s::text, true)",
            [Jsonb(told)],
        )
        connection.execute(statement.encode(), values)


def refuse(bank: Bank, call: Call) -> None:
    with bank.connect() as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        call(connection)


def tried(bank: Bank, call: Call) -> Refusal:
    with bank.connect() as connection:
        answer = call(connection)
    assert isinstance(answer, Refusal), answer
    return answer


def receipts_of(answers: list[Any]) -> list[Any]:
    return receipts([answer for answer in answers if not isinstance(answer, Refusal)])
