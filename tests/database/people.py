"""People and programs that call the RPCs at the same time, each over a connection of their own."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[DictRow]

EXPIRE_HOLD = "update coinslot.token_holds set expires_at = clock_timestamp() where id = %s"
"""As the owner: the time of a hold has come."""

VOID = """
update token_payments set status = 'voided', voided_at = clock_timestamp() where order_id = %s
"""
"""As the owner: the shop has ended an order, and no other of its product."""

_PATIENCE_S = 60.0
"""No lock is waited for longer: a call that waits for ever is a failure, not a hang."""


@dataclass(frozen=True)
class Refusal:
    """An error of the registry. Any other error, a deadlock above all, fails the test."""

    code: str
    message: str


Answer = DictRow | Refusal


@dataclass(frozen=True)
class Call:
    """One RPC, as PostgREST would make it: role, claims and statement in one transaction."""

    rpc: str
    arguments: dict[str, Any]
    user_id: UUID | None = None
    """The signed-in user; None is the service."""

    def __call__(self, connection: Connection) -> Answer:
        """Made again under the same key where the database let it wait for a lock no longer."""
        until = time.monotonic() + _PATIENCE_S
        while True:
            try:
                with connection.transaction():
                    return self.inside(connection)
            except psycopg.errors.LockNotAvailable:
                if time.monotonic() > until:
                    raise
            except psycopg.Error as error:
                return refusal(error)

    def inside(self, connection: Connection) -> DictRow:
        """The call in a transaction that somebody else ends; the first row it answers."""
        row = self._run(connection).fetchone()
        assert row is not None
        return row

    def rows(self, connection: Connection) -> list[DictRow]:
        """The same, and every row."""
        return self._run(connection).fetchall()

    def all(self, connection: Connection) -> list[DictRow]:
        with connection.transaction():
            return self.rows(connection)

    def _run(self, connection: Connection) -> psycopg.Cursor[DictRow]:
        role = "service_role" if self.user_id is None else "authenticated"
        claims = {"role": role} | ({"sub": str(self.user_id)} if self.user_id else {})
        connection.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s::text, true)",
            [role, Jsonb(claims)],
        )
        named = ", ".join(f"{name} => %({name})s" for name in self.arguments)
        answer = f"{self.rpc}({named})"
        # Work that is handed out comes as one array.
        rows = f"unnest({answer})" if self.rpc.startswith("coinslot_claim_") else answer
        return connection.execute(f"select * from {rows}", self.arguments)


def refusal(error: psycopg.Error) -> Refusal:
    if not (error.sqlstate or "").startswith("PT"):
        raise error
    return Refusal(error.sqlstate or "", error.diag.message_primary or "")


def receipts(answers: Sequence[Answer]) -> list[DictRow]:
    """The answers, of which none is a refusal."""
    assert not refusals(answers)
    return [answer for answer in answers if not isinstance(answer, Refusal)]


def refusals(answers: Sequence[Answer]) -> Counter[Refusal]:
    return Counter(answer for answer in answers if isinstance(answer, Refusal))


class Bank:
    """One database, the people in it, and what its books say."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._own = self.connect()

    def close(self) -> None:
        self._own.close()

    def reopen(self) -> None:
        """After the server was started again."""
        self._own.close()
        self._own = self.connect()

    def connect(self) -> Connection:
        connection = psycopg.connect(self._url, row_factory=dict_row, autocommit=True)
        connection.execute(f"set lock_timeout = '{_PATIENCE_S:.0f}s'")
        return connection

    def together(self, calls: Sequence[Callable[[Connection], Answer]]) -> list[Answer]:
        """The answers of the calls, when all begin at once."""
        barrier = Barrier(len(calls))

        def run(call: Callable[[Connection], Answer]) -> Answer:
            with self.connect() as connection:
                barrier.wait(_PATIENCE_S)
                return call(connection)

        with ThreadPoolExecutor(len(calls)) as threads:
            return list(threads.map(run, calls))

    def ask(self, call: Call) -> DictRow:
        """The answer of a call that nobody disturbs, and that is not refused."""
        with self._own.transaction():
            return call.inside(self._own)

    def rows(self, statement: str, *parameters: object) -> list[DictRow]:
        """As the owner."""
        return self._own.execute(statement, parameters).fetchall()

    def change(self, statement: str, *parameters: object) -> None:
        """As the owner."""
        self._own.execute(statement, parameters)

    def user(self, tokens: int = 0) -> UUID:
        user_id = uuid4()
        self.change("insert into auth.users (id, email) values (%s, %s)", user_id, f"{user_id}@a.b")
        if tokens:
            self.ask(grant(user_id, tokens, "opening balance"))
        return user_id

    def operator(self, role: str) -> UUID:
        user_id = self.user()
        self.ask(add_operator(user_id, role))
        return user_id

    def order(self, user_id: UUID) -> str:
        """The order id of a starter pack: 10 tokens for 5,000 won."""
        made = self.ask(create_order(user_id, None))
        return str(made["order_id"])

    def wallet(self, user_id: UUID) -> tuple[int, int]:
        """Tokens and how many of them are held."""
        [row] = self.rows("select tokens, held from token_wallets where user_id = %s", user_id)
        return row["tokens"], row["held"]

    def history(self, user_id: UUID) -> list[tuple[str, int]]:
        rows = self.rows(
            "select kind, delta from token_ledger where user_id = %s order by seq", user_id
        )
        return [(row["kind"], row["delta"]) for row in rows]

    def audit(self) -> list[DictRow]:
        """The wallets that do not add up."""
        return self.rows("select * from coinslot.verify_ledger(null, null)")


def spend(user_id: UUID, amount: int, key: str) -> Call:
    return Call("spend_tokens", {"amount": amount, "idempotency_key": key}, user_id)


def spend_for(user_id: UUID, amount: int, key: str) -> Call:
    arguments = {"user_id": user_id, "amount": amount, "idempotency_key": key}
    return Call("spend_tokens_for", arguments)


def grant(user_id: UUID, amount: int, key: str) -> Call:
    return Call("add_tokens", {"user_id": user_id, "amount": amount, "idempotency_key": key})


def hold(user_id: UUID, amount: int, key: str, ttl_seconds: int = 600) -> Call:
    arguments = {"user_id": user_id, "amount": amount, "idempotency_key": key}
    return Call("hold_tokens_for", arguments | {"ttl_seconds": ttl_seconds})


def capture(hold_id: UUID, amount: int | None = None) -> Call:
    """As much as is asked for, also beyond what is held."""
    arguments = {"hold_id": hold_id, "amount": amount, "allow_overage": True}
    return Call("capture_token_hold", arguments)


def release(hold_id: UUID) -> Call:
    return Call("release_token_hold", {"hold_id": hold_id})


def extend(hold_id: UUID) -> Call:
    return Call("extend_token_hold", {"hold_id": hold_id})


def refund_spend(
    user_id: UUID, key: str, spend_key: str, amount: int | None = None, caller: str = "service"
) -> Call:
    arguments = {"user_id": user_id, "idempotency_key": key, "spend_key": spend_key}
    return Call("refund_spend_for", arguments | {"amount": amount, "caller": caller})


def go_live() -> Call:
    return Call("coinslot_go_live", {"dry_run": False})


def merge(from_user: UUID, into_user: UUID, key: str) -> Call:
    arguments = {"from_user": from_user, "into_user": into_user, "idempotency_key": key}
    return Call("merge_token_wallets", arguments)


def maintain() -> Call:
    return Call("coinslot_run_maintenance", {})


def add_operator(user_id: UUID, role: str) -> Call:
    return Call("coinslot_add_operator", {"who": str(user_id), "role": role})


def remove_operator(user_id: UUID) -> Call:
    return Call("coinslot_remove_operator", {"who": str(user_id)})


def create_order(user_id: UUID, key: str | None) -> Call:
    arguments = {"product_id": "starter", "gateway": "portone", "idempotency_key": key}
    return Call("create_token_order", arguments, user_id)


def cancel_order(user_id: UUID, order_id: str) -> Call:
    return Call("cancel_token_order", {"order_id": order_id}, user_id)


def gateway_says(
    order_id: str, version: int, *, key: str | None = None, state: str = "paid", **facts: object
) -> Call:
    """A read of the gateway; its attempt is the order's own unless `key` names another."""
    arguments: dict[str, object] = {
        "order_id": order_id,
        "gateway": "portone",
        "payment_key": key or f"imp_{order_id}",
        "state": state,
        "amount": 5000,
        "currency": "KRW",
        "live": False,
        "source": "webhook",
        "version": version,
    }
    return Call("coinslot_apply_gateway_payment", arguments | facts)


def ask_refund(order_id: str, key: str, amount: int | None = None, *, force: bool = False) -> Call:
    arguments = {"order_id": order_id, "idempotency_key": key, "amount": amount, "force": force}
    return Call("request_token_refund_for", arguments | {"reason": "asked"})


def answer_refund(refund_id: UUID, answer: str, tries: int = 1) -> Call:
    arguments = {"refund_id": refund_id, "tries": tries, "answer": answer}
    return Call("coinslot_record_refund_answer", arguments)


def hint(order_id: str, event_id: str | None) -> Call:
    """A webhook that claims money: unsigned, unless it has an id."""
    arguments: dict[str, object] = {
        "gateway": "portone",
        "event_id": event_id,
        "event_type": "paid",
        "order_id": order_id,
        "payment_key": f"imp_{order_id}",
        "claims_paid": True,
        "headers": Jsonb({}),
        "body": Jsonb({}),
    }
    return Call("coinslot_store_webhook", arguments)


def delete_user(user_id: UUID) -> Callable[[Connection], Answer]:
    def call(connection: Connection) -> Answer:
        connection.execute("delete from auth.users where id = %s", [user_id])
        return {}

    return call
