"""Every mutating call of the API, in a world where any two of them may meet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from tests.database.people import (
    Call,
    Connection,
    answer_refund,
    ask_refund,
    cancel_order,
    capture,
    create_order,
    extend,
    gateway_says,
    go_live,
    grant,
    hint,
    hold,
    maintain,
    refund_spend,
    release,
    spend,
    spend_for,
)


@dataclass(frozen=True)
class World:
    """Somebody who has confirmed an address, with 16 tokens to spend, 20 in all; a hold of 4, an
    expired one of 3; two spent under `spent`. An order paid with 5,000 won that a webhook has told
    of, one of which half is going back, an open one, and one that was paid after it was voided."""

    user: UUID
    held: UUID
    expired: UUID
    paid_order: str
    half_order: str
    open_order: str
    refund: UUID
    webhook: int
    audit: int
    late_order: str
    referrer: UUID
    """The one who invited them, where the maintenance is about."""


Step = Callable[[Connection], DictRow]


def _delete(world: World) -> Step:
    def step(connection: Connection) -> DictRow:
        connection.execute("delete from auth.users where id = %s", [world.user])
        return {}

    return step


def _go_live(_: World) -> Step:
    """Also what is left by other worlds, which is not told."""

    def step(connection: Connection) -> DictRow:
        go_live().inside(connection)
        return {}

    return step


def _grant_for_a_while(world: World) -> Step:
    arguments = {"user_id": world.user, "amount": 4, "idempotency_key": "w"}
    return Call("add_tokens", arguments | {"expires_at": "2999-01-01T00:00:00Z"}).inside


def _adjust(world: World) -> Step:
    arguments = {"user_id": world.user, "amount": -10, "idempotency_key": "a"}
    return Call("add_tokens", arguments | {"kind": "adjustment"}).inside


def _pay_otherwise(world: World) -> Step:
    key = f"other {world.open_order}"
    return gateway_says(world.open_order, 1, key=key, paid=5000).inside


def _pay_for_webhook(world: World) -> Step:
    call = gateway_says(world.paid_order, 2, paid=5000, refunded=500)
    return Call(call.rpc, call.arguments | {"webhook_ids": [world.webhook]}).inside


def _refuse_attempt(world: World) -> Step:
    arguments = {"order_id": world.open_order, "payment_key": "imp_x", "reason": "wrong_order"}
    return Call("coinslot_refuse_payment_attempt", arguments | {"source": "complete"}).inside


def _order_with_code(world: World) -> Step:
    arguments = {"product_id": "starter", "gateway": "portone", "idempotency_key": "c"}
    return Call("create_token_order", arguments | {"promo_code": "CHEAPER"}, world.user).inside


def _redeem(world: World) -> Step:
    arguments = {"code": "STAGED", "idempotency_key": "p"}
    return Call("redeem_token_code", arguments, world.user).inside


def _audit(world: World) -> Step:
    line = {"payment_key": f"imp_{world.paid_order}", "order_id": world.paid_order}
    seen = {"currency": "KRW", "paid": 5000, "refunded": 0, "live": False}
    lines = Jsonb([line | seen])

    def step(connection: Connection) -> DictRow:
        arguments = {"audit_id": world.audit}
        Call("coinslot_audit_payments", arguments | {"lines": lines}).rows(connection)
        Call("coinslot_finish_audit", arguments).inside(connection)
        return {}

    return step


def _claim(rpc: str, **arguments: object) -> Step:
    """Leaves to others what is locked, so that how much is claimed may differ."""

    def step(connection: Connection) -> DictRow:
        Call(rpc, arguments).rows(connection)
        return {}

    return step


MONEY: dict[str, Callable[[World], Step]] = {
    "spend": lambda world: spend(world.user, 15, "k").inside,
    "spend_for": lambda world: spend_for(world.user, 3, "s").inside,
    "grant": lambda world: grant(world.user, 5, "g").inside,
    "grant_for_a_while": _grant_for_a_while,
    "adjust": _adjust,
    "hold": lambda world: hold(world.user, 12, "s").inside,
    "hold_again": lambda world: hold(world.user, 3, "expired").inside,
    "capture": lambda world: capture(world.held).inside,
    "capture_beyond": lambda world: capture(world.held, 9).inside,
    "extend": lambda world: extend(world.held).inside,
    "release": lambda world: release(world.held).inside,
    "release_expired": lambda world: release(world.expired).inside,
    "give_back": lambda world: refund_spend(world.user, "b1", "spent").inside,
    "give_back_a_part": lambda world: refund_spend(world.user, "b2", "spent", 1).inside,
    "maintain": lambda _: maintain().inside,
    "order": lambda world: create_order(world.user, "o").inside,
    "order_with_code": _order_with_code,
    "redeem": _redeem,
    "cancel": lambda world: cancel_order(world.user, world.open_order).inside,
    "pay": lambda world: gateway_says(world.open_order, 1, paid=5000).inside,
    "pay_otherwise": _pay_otherwise,
    "refund": lambda world: gateway_says(world.paid_order, 2, paid=5000, refunded=5000).inside,
    "refund_otherwise": _pay_for_webhook,
    "ask_refund": lambda world: ask_refund(world.paid_order, "r").inside,
    "refund_declined": lambda world: answer_refund(world.refund, "declined").inside,
    "refund_seen": lambda world: gateway_says(world.half_order, 2, paid=5000, refunded=2500).inside,
    "refund_not_seen": lambda world: gateway_says(world.half_order, 2, paid=5000).inside,
    "refund_closed": lambda world: (
        Call("coinslot_close_refund", {"refund_id": world.refund, "reason": "lost"}).inside
    ),
    "delete": _delete,
    "go_live": _go_live,
    "void": lambda _: Call("void_token_orders_for", {"product_id": "starter"}).inside,
    "accept_refund": lambda world: (
        Call("accept_token_refund_for", {"order_id": world.late_order}).inside
    ),
}
"""Calls that change a balance, or decide over one."""

CHORES: dict[str, Callable[[World], Step]] = {
    "claim_refund": lambda world: _claim("coinslot_claim_refunds", batch=1, refund_id=world.refund),
    "coinslot_claim_payments": lambda _: _claim(
        "coinslot_claim_payments", gateway="portone", batch=3
    ),
    "coinslot_return_payments": lambda world: (
        Call("coinslot_return_payments", {"order_ids": [world.open_order, world.paid_order]}).inside
    ),
    "coinslot_claim_closings": lambda _: _claim(
        "coinslot_claim_closings", gateway="portone", batch=3
    ),
    "coinslot_finish_closing": lambda world: (
        Call("coinslot_finish_closing", {"order_id": world.open_order, "round": 1}).inside
    ),
    "coinslot_claim_cash_receipts": lambda _: _claim(
        "coinslot_claim_cash_receipts", gateway="portone", batch=3
    ),
    "refuse_attempt": _refuse_attempt,
    "hint": lambda world: hint(world.paid_order, None).inside,
    "event": lambda world: hint(world.paid_order, f"evt {world.paid_order}").inside,
    "coinslot_finish_webhook": lambda world: (
        Call(
            "coinslot_finish_webhook",
            {"webhook_id": world.webhook, "outcome": "failed", "again": True},
        ).inside
    ),
    "coinslot_claim_webhooks": lambda _: _claim("coinslot_claim_webhooks", batch=3),
    "coinslot_replay_webhooks": lambda world: (
        Call("coinslot_replay_webhooks", {"order_id": world.paid_order}).inside
    ),
    "audit": _audit,
    "resolve": lambda _: (
        Call("coinslot_resolve_discrepancy", {"discrepancy_id": 1, "resolution": "r"}).inside
    ),
}
"""Other calls of the sidecar."""

ACTIONS = MONEY | CHORES
