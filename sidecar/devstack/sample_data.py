"""A quarter of a lively shop: made by the calls that a real one makes, at times that have passed.

Nothing is written past the RPCs but people, who come from Auth. Every payment goes through the one
funnel, as if its gateway had been read.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from devstack.sample_cases import leave_cases
from devstack.sample_plans import Subscribers

if TYPE_CHECKING:
    from devstack.clock import Clock

Row = dict[str, Any]

DAYS = 91
_SEED = 7
_SPACE = UUID("00000000-0000-4000-8000-00000000000a")
_NAMES = (
    *("minjun", "seoyeon", "jisoo.k", "haneul", "dana", "yuna", "doyun", "jiwoo", "sora", "bora"),
    *("emma", "liam", "noah.w", "olivia", "mia", "leo", "ava", "sena", "hyun", "taeyang", "gaeun"),
    *("siwoo", "nari", "junho", "eunji", "kai", "ella", "finn", "zoe", "ryan"),
)
_PRODUCTS = ("starter", "starter", "starter", "standard", "standard", "standard", "premium")
_METHODS = ("card",) * 5 + ("kakaopay",) * 3 + ("naverpay", "tosspay", "virtual_account")
_DECLINES = ("limit_or_balance", "limit_or_balance", "expired_card", "refused", "stopped")


@dataclass
class Shop:
    """The shop as it is played. `clock` is the database's."""

    database: psycopg.Connection[Row]
    clock: Clock
    chance: random.Random = field(default_factory=lambda: random.Random(_SEED))  # noqa: S311
    now: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(days=DAYS))
    people: list[UUID] = field(default_factory=list)
    paid: list[Row] = field(default_factory=list)
    staff: dict[str, UUID] = field(default_factory=dict)
    gateways: dict[str, list[str]] = field(default_factory=dict)
    numbers: int = 0

    # ---- calls ----

    def call(self, rpc: str, user: UUID | None = None, **arguments: Any) -> Row:  # noqa: ANN401
        """One RPC as PostgREST would make it: as a user, or as the service."""
        role = "service_role" if user is None else "authenticated"
        claims = {"role": role} | ({"sub": str(user)} if user else {})
        named = sql.SQL(", ").join(
            sql.SQL("{} => {}").format(sql.Identifier(name), sql.Placeholder(name))
            for name in arguments
        )
        statement = sql.SQL("select * from {}({})").format(sql.Identifier(rpc), named)
        with self.database.transaction():
            self.database.execute(
                "select set_config('role', %s, true),"
                " set_config('request.jwt.claims', %s::text, true)",
                [role, Jsonb(claims)],
            )
            row = self.database.execute(statement, arguments).fetchone()
        return row or {}

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.clock.set(self.now)

    def key(self) -> str:
        self.numbers += 1
        return f"sample-{self.numbers}"

    # ---- what happens ----

    def begin(self) -> None:
        self.clock.set(self.now)
        rows = self.database.execute("select id, currencies from coinslot.gateways where active")
        for row in rows.fetchall():
            for currency in ("KRW", "USD"):
                if (row["currencies"] is None and currency == "USD") or currency in (
                    row["currencies"] or ()
                ):
                    self.gateways.setdefault(currency, []).append(row["id"])
        for row in self.database.execute(
            "select o.role, u.id from coinslot.operators o join auth.users u on u.id = o.user_id"
            " where u.email = o.role || '@example.com'"
        ).fetchall():
            self.staff[row["role"]] = row["id"]
        self.call(
            "coinslot_set_promotion",
            id="spring",
            terms=Jsonb({"kind": "percent", "percent_off": 20}),
            reason="spring sale",
        )
        self.call("coinslot_set_code", code="SPRING20", promotion="spring", reason="spring sale")

    def sign_up(self) -> None:
        name = _NAMES[len(self.people) % len(_NAMES)]
        number = len(self.people) // len(_NAMES)
        email = f"{name}{number or ''}@example.com"
        user_id = uuid5(_SPACE, email)
        with self.database.transaction():
            self.database.execute(
                "insert into auth.users (id, aud, role, email, email_confirmed_at, created_at,"
                " raw_app_meta_data, raw_user_meta_data) values (%s, 'authenticated',"
                " 'authenticated', %s, clock_timestamp(), clock_timestamp(),"
                " '{\"provider\": \"email\"}', '{}')",
                [user_id, email],
            )
        self.people.append(user_id)

    def order(self) -> None:
        buyer = self.chance.choice(self.people)
        currency = "USD" if self.chance.random() < 0.12 else "KRW"
        method = "card" if currency == "USD" else self.chance.choice(_METHODS)
        made = self.call(
            "create_token_order",
            buyer,
            product_id=self.chance.choice(_PRODUCTS),
            gateway=self.chance.choice(self.gateways[currency]),
            currency=currency,
            method=method,
            idempotency_key=self.key(),
        )
        self.later(self.chance.randrange(5, 60))
        fate = self.chance.random()
        if fate < 0.1:
            return
        if fate < 0.24:
            reason = self.chance.choice(_DECLINES)
            self.say(made, f"{made['order_id']}a", state="failed", failure_reason=reason)
            if fate < 0.15:
                return
            self.later(self.chance.randrange(20, 200))
        if method == "virtual_account":
            due = (self.now + timedelta(days=3)).isoformat()
            account = {
                "bank": "088",
                "account_number": "110000000000",
                "holder": "x",
                "due_at": due,
            }
            self.say(made, state="awaiting_deposit", virtual_account=Jsonb(account))
            self.later(self.chance.randrange(600, 9000))
        self.say(made, paid=made["amount"], taken_at=self.now)
        self.paid.append(made)

    def say(self, order: Row, attempt: str = "", state: str = "paid", **facts: Any) -> None:  # noqa: ANN401
        """The gateway's webhook, and what a read of it then says."""
        attempt = attempt or f"{order['order_id']}p"
        told = self.call(
            "coinslot_store_webhook",
            gateway=order["gateway"],
            event_id=f"evt_{self.key()}",
            event_type=f"payment.{state}",
            order_id=order["order_id"],
            payment_key=attempt,
            claims_paid=state == "paid",
            headers=Jsonb({"content-type": "application/json"}),
            body=Jsonb({"order": order["order_id"], "state": state}),
        )
        [now] = self.database.execute(
            "select version from public.token_payments where order_id = %s", [order["order_id"]]
        ).fetchall()
        self.call(
            "coinslot_apply_gateway_payment",
            order_id=order["order_id"],
            gateway=order["gateway"],
            payment_key=attempt,
            state=state,
            amount=facts.pop("amount", order["amount"]),
            currency=order["currency"],
            live=order["live"],
            source="webhook",
            version=now["version"],
            method=order["method"],
            webhook_ids=[told["webhook_id"]] if told.get("webhook_id") else [],
            **facts,
        )

    def spend(self) -> None:
        who = self.chance.choice(self.people)
        feature = self.chance.choice(("question", "question", "answer"))
        try:
            self.call("use_feature", who, feature=feature, idempotency_key=self.key())
        except psycopg.Error as error:
            if "insufficient_tokens" not in str(error):
                raise

    def refund(self) -> None:
        """Of a late order, by an operator; its gateway shows it half a minute later."""
        order = self.paid.pop(self.chance.randrange(max(0, len(self.paid) - 40), len(self.paid)))
        amount = order["amount"] if self.chance.random() < 0.6 else order["amount"] // 2
        try:
            self.act(
                self.chance.choice(("finance", "finance", "owner")),
                "refund_order",
                order["order_id"],
                "Customer request",
                amount=amount,
                force=True,
            )
        except psycopg.Error as error:
            if "PT" not in (error.sqlstate or ""):
                raise
            return
        self.later(30)
        self.say(order, paid=order["amount"], refunded=amount)

    def act(self, role: str, action: str, subject: str, reason: str, **arguments: Any) -> None:  # noqa: ANN401
        self.call(
            "token_console_act",
            self.staff[role],
            action=action,
            subject=subject,
            reason=reason,
            idempotency_key=self.key(),
            arguments=Jsonb(arguments),
        )

    def audit(self) -> None:
        """The day that is over, in which each gateway's list has what we have."""
        end = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        since = end - timedelta(days=1)
        for gateway in {each for names in self.gateways.values() for each in names}:
            lines = self.database.execute(
                "select a.payment_key, p.order_id, a.currency, a.paid, a.refunded, a.live,"
                " a.updated_at as moved_at from coinslot.payment_attempts a"
                " join public.token_payments p on p.id = a.payment_id"
                " where a.gateway = %s and a.paid > 0 and a.updated_at >= %s and a.updated_at < %s",
                [gateway, since, end],
            ).fetchall()
            for line in lines:
                line["moved_at"] = line["moved_at"].isoformat()
            begun = self.call("coinslot_begin_audit", gateway=gateway, since=since, until=end)
            audit = begun.get("coinslot_begin_audit")
            if audit is None:
                continue
            self.call("coinslot_audit_payments", audit_id=audit, lines=Jsonb(lines))
            self.call("coinslot_finish_audit", audit_id=audit)

    def day(self, number: int) -> None:
        busy = 4 + number // 18 + (3 if self.now.weekday() >= 5 else 0)
        for _ in range(self.chance.randrange(1, 2 + len(self.people) // 20)):
            self.sign_up()
        for _ in range(busy + self.chance.randrange(4)):
            self.later(self.chance.randrange(300, 5400))
            self.order()
            for _ in range(self.chance.randrange(3, 14)):
                self.later(self.chance.randrange(5, 90))
                self.spend()
        if len(self.paid) > 10 and self.chance.random() < 0.3:
            self.refund()
        if self.chance.random() < 0.15:
            who = str(self.chance.choice(self.people))
            self.act(
                "support", "grant_tokens", who, "Goodwill", tokens=self.chance.choice((2, 3, 5))
            )


def play(database_url: str, clock: Clock) -> int:
    """Plays the quarter, up to an hour ago; how many orders were paid."""
    with psycopg.connect(database_url, row_factory=dict_row, autocommit=True) as database:
        shop = Shop(database, clock)
        shop.begin()
        subscribers = Subscribers(shop, DAYS)
        subscribers.begin()
        for _ in range(12):
            shop.sign_up()
        end = datetime.now(UTC) - timedelta(hours=1)
        for number in range(DAYS):
            start = end - timedelta(days=DAYS - number)
            shop.now = max(shop.now, start)
            shop.clock.set(shop.now)
            shop.day(number)
            subscribers.day(number)
            shop.call("coinslot_run_maintenance")
            shop.audit()
        shop.now = max(shop.now, end - timedelta(minutes=40))
        shop.clock.set(shop.now)
        paid = len(shop.paid)
        leave_cases(shop)
        subscribers.end()
        clock.let_run()
        for _ in range(60):
            shop.call("coinslot_run_maintenance")
        shop.call("coinslot_check_ledger")
    return paid
