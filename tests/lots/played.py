"""Plays a history on Postgres, by the clock of the history, and shows its wallets as models do."""

# ruff: noqa: ARG002 - every kind of call is told its user

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import DictRow

from tests.database.lot_statements import FOLD
from tests.database.people import (
    Bank,
    Call,
    Connection,
    answer_refund,
    create_order,
    merge,
    refund_spend,
)
from tests.lots import comparison
from tests.lots.comparison import DONE, Answer
from tests.lots.late import Late
from tests.lots.terms import NEVER, Offer, Parts, Rules
from tests.support.clocks import Clock

BEGINNING = datetime(2030, 1, 1, tzinfo=UTC)


class LotRow(NamedTuple):
    """A lot of either, to be compared in the order in which lots were made."""

    order: str | None
    expires_at: int
    is_paid: bool
    parts: Parts


class Shown(NamedTuple):
    """A wallet after a fold that nobody writes down, and what its owner was told before."""

    tokens: int
    available: int
    told: int
    lots: list[LotRow]


@dataclass
class Played:
    """One history on one database."""

    bank: Bank
    connection: Connection
    clock: Clock
    users: dict[str, UUID] = field(default_factory=dict)
    holds: dict[str, UUID] = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    prices: dict[str, int] = field(default_factory=dict)
    refunds: dict[str, UUID] = field(default_factory=dict)
    number: int = 0

    def set_rules(self, rules: Rules) -> None:
        lifetime = timedelta(minutes=rules.returned_lifetime)
        self.bank.change(_RULES, lifetime, rules.overage_into_debt)

    def user(self, name: str) -> UUID:
        if name not in self.users:
            self.users[name] = self.bank.user()
        return self.users[name]

    def play(self, call: comparison.Call) -> Answer:
        self.number += 1
        self.clock.set(time_of(call.clock))
        try:
            with self.connection.transaction():
                return getattr(self, f"_{call.kind}")(call.user, **call.arguments) or DONE
        except psycopg.Error as error:
            if not (error.sqlstate or "").startswith("PT"):
                raise
            details: Mapping[str, Any] = json.loads(error.diag.message_detail or "{}")
            return str(error.diag.message_primary), details.get("refundable")

    def _run(self, rpc: str, **arguments: object) -> DictRow:
        return Call(rpc, arguments).inside(self.connection)

    # ---- the calls ----

    def _grant(
        self, user: str, *, name: str, amount: int, expires_at: int, priority: int = 0
    ) -> None:
        assert not priority
        arguments: dict[str, object] = {"idempotency_key": name, "user_id": self.user(user)}
        if expires_at < NEVER:
            arguments["expires_at"] = time_of(expires_at)
        self._run("add_tokens", amount=amount, **arguments)

    def _buy(self, user: str, *, name: str, offer: Offer) -> None:
        order = create_order(self.user(user), None).inside(self.connection)
        self.orders[name] = order["order_id"]
        self.prices[name] = offer.price
        self._as_owner(_OFFER, offer.price, offer.tokens, order["order_id"])
        if offer.expires_at < NEVER:
            self._as_owner(_OFFER_ENDS, time_of(offer.expires_at), order["order_id"])
        self._gateway(user, order=name, refunded=0, disputed=0)

    def _as_owner(self, statement: str, *parameters: object) -> psycopg.Cursor[DictRow]:
        self.connection.execute("select set_config('role', 'none', true)")
        return self.connection.execute(statement, parameters)

    def _gateway(self, user: str, *, order: str, refunded: int, disputed: int) -> None:
        order_id = self.orders[order]
        [known] = self._as_owner(_VERSION, order_id).fetchall()
        answer = self._run(
            "coinslot_apply_gateway_payment",
            order_id=order_id,
            gateway="portone",
            payment_key=f"imp_{order_id}",
            state="paid",
            amount=self.prices[order],
            currency="KRW",
            live=False,
            source="webhook",
            version=known["version"],
            paid=self.prices[order],
            refunded=refunded,
            withdrawn=disputed,
        )
        assert answer["outcome"] not in ("refused", "stale", "review"), answer

    def _spend(self, user: str, *, name: str, amount: int) -> None:
        self._run("spend_tokens_for", user_id=self.user(user), amount=amount, idempotency_key=name)

    def _give_back(self, user: str, *, spend: str, amount: int) -> None:
        refund_spend(self.user(user), f"back {self.number}", spend, amount).inside(self.connection)

    def _hold(self, user: str, *, name: str, amount: int, lasts: int) -> None:
        hold = self._run(
            "hold_tokens_for",
            user_id=self.user(user),
            amount=amount,
            idempotency_key=name,
            ttl_seconds=lasts * 60,
        )
        self.holds[name] = hold["id"]

    def _extend(self, user: str, *, name: str, lasts: int) -> None:
        self._run("extend_token_hold", hold_id=self.holds[name], ttl_seconds=lasts * 60)

    def _release(self, user: str, *, name: str) -> None:
        self._run("release_token_hold", hold_id=self.holds[name])

    def _capture(self, user: str, *, name: str, asked: int, overage: bool) -> Answer | None:
        capture = {"hold_id": self.holds[name], "amount": asked, "allow_overage": overage}
        receipt = self._run("capture_token_hold", **capture)
        return ("hold_resolved", None) if receipt["replayed"] else None

    def _request(self, user: str, *, order: str, amount: int | None, force: bool) -> None:
        refund = self._run(
            "request_token_refund_for",
            order_id=self.orders[order],
            idempotency_key=f"refund {self.number}",
            amount=amount,
            force=force,
            reason="asked",
        )
        self.refunds[order] = refund["id"]

    def _decline(self, user: str, *, order: str) -> None:
        answer_refund(self.refunds[order], "declined").inside(self.connection)
        [known] = self._as_owner(_BACK, self.orders[order]).fetchall()
        self._gateway(user, order=order, refunded=known["refunded"], disputed=known["withdrawn"])

    def _merge(self, user: str, *, into: str) -> None:
        merge(self.user(user), self.user(into), f"merge {uuid4()}").inside(self.connection)

    def _report(self, user: str) -> None:
        self._as_owner(FOLD, self.user(user))

    # ---- what is there ----

    def show(self, user: str, clock: int) -> Shown:
        self.clock.set(time_of(clock))
        user_id = self.user(user)
        with self.connection.transaction(force_rollback=True):
            told = Call("get_user_tokens", {}, user_id).inside(self.connection)
            self._as_owner(FOLD, user_id)
            [wallet] = self._as_owner(_WALLET, user_id).fetchall()
            lots = self._as_owner(_LOTS, user_id).fetchall()
        names = {order_id: name for name, order_id in self.orders.items()}
        return Shown(
            wallet["tokens"],
            wallet["tokens"] - wallet["held"],
            told["get_user_tokens"],
            [_lot(row, names) for row in lots],
        )


def as_shown(late: Late, user: str, clock: int) -> Shown:
    """The same of the model that folds late."""
    folded = late.copied()
    folded.fold(user, late.now(user, clock))
    rows = sorted(folded.own(user), key=lambda row: row.lot.number)
    wallet = folded.wallet(user)
    return Shown(
        wallet.tokens,
        wallet.tokens - wallet.held,
        wallet.tokens - wallet.held,
        [LotRow(row.lot.order, row.lot.expires_at, row.lot.paid, row.parts) for row in rows],
    )


def time_of(clock: int) -> datetime:
    return BEGINNING + timedelta(minutes=clock)


def _lot(row: DictRow, names: Mapping[str, str]) -> LotRow:
    """As far as a year is: what lasts longer never ends."""
    minutes = row["minutes"]
    return LotRow(
        names[row["order_id"]] if row["order_id"] else None,
        NEVER if minutes is None else int(minutes),
        row["paid"],
        Parts(*(row[part] for part in Parts._fields)),
    )


ROOM = "update coinslot.settings set max_open_orders = 100, max_unpaid_orders_per_hour = 1000000"
"""For orders as close to each other as histories have them."""

_RULES = "update coinslot.settings set returned_lifetime = %s, overage_into_debt = %s"
_OFFER = "update token_payments set amount = %s, tokens = %s where order_id = %s"
_OFFER_ENDS = "update token_payments set tokens_end_at = %s where order_id = %s"
_VERSION = "select version from token_payments where order_id = %s"
_BACK = """
select a.refunded, a.withdrawn from coinslot.payment_attempts a
join token_payments p on p.id = a.payment_id where p.order_id = %s
"""
_WALLET = "select tokens, held from token_wallets where user_id = %s"
_LOTS = f"""
select l.paid, {", ".join(Parts._fields)}, p.order_id, case when isfinite(l.expires_at) then
  extract(epoch from l.expires_at - '{BEGINNING.isoformat()}') / 60 end as minutes
from token_lots l left join token_payments p on p.id = l.payment_id
where l.user_id = %s order by l.id
"""
