"""Everybody sees their own rows, all of them, and nobody else's: in every relation there is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import tuple_row
from psycopg.types.json import Jsonb

from tests.database.people import Bank, Refusal, ask_refund, gateway_says, hold, refusal, spend
from tests.e2e.surface import FOR_USERS, Surface, surface
from tests.support.subscribers import SUBSCRIBED

_CLAIM = """
select set_config('role', 'authenticated', true),
  set_config('request.jwt.claims', %s::text, true)
"""
NOBODY = {"role": "authenticated"}
NOBODYS = UUID("00000000-0000-4000-8000-0000000000ff")
CALLS: dict[str, dict[str, Any]] = {
    "get_user_tokens": {},
    "spend_tokens": {"amount": 1, "idempotency_key": "k"},
    "use_feature": {"feature": "question", "idempotency_key": "k"},
    "create_token_order": {"product_id": "starter", "gateway": "portone"},
    "cancel_token_order": {"order_id": "ord_of_somebody_else"},
    "list_token_holds": {},
    "list_token_refills": {},
    "check_token_code": {"code": "SPRING"},
    "redeem_token_code": {"code": "SPRING", "idempotency_key": "k"},
    "get_token_invitation": {},
    "accept_token_invitation": {"code": "SPRING"},
    "list_token_lots": {},
    "request_token_cash_receipt": {
        "order_id": "ord_of_somebody_else",
        "kind": "income_deduction",
        "number": "01012345678",
    },
    "withdraw_token_cash_receipt": {"order_id": "ord_of_somebody_else"},
    "list_token_mails": {},
    "set_token_mail": {"kind": "tokens_low", "wanted": True},
    "begin_token_method": {"gateway": "portone"},
    "get_token_method": {"method_id": NOBODYS},
    "list_token_methods": {},
    "remove_token_method": {"method_id": NOBODYS},
    "subscribe_token_plan": {
        "plan_id": "plus",
        "gateway": "portone",
        "currency": "KRW",
        "method_id": NOBODYS,
    },
    "list_token_subscriptions": {},
    "cancel_token_subscription": {"subscription_id": NOBODYS},
    "resume_token_subscription": {"subscription_id": NOBODYS},
    "pause_token_subscription": {"subscription_id": NOBODYS},
    "pay_token_subscription": {"subscription_id": NOBODYS},
    "change_token_plan": {"subscription_id": NOBODYS, "plan_id": "plus"},
    "get_token_top_up": {},
    "stop_token_top_up": {},
    "set_token_top_up": {
        "product_id": "starter",
        "gateway": "portone",
        "currency": "KRW",
        "method_id": NOBODYS,
        "threshold": 1,
        "monthly_cap": 5000,
    },
    "answer_token_price": {"subscription_id": NOBODYS, "agrees": True, "amount": 9900},
    "quote_token_plan": {"subscription_id": NOBODYS, "plan_id": "plus"},
    "upgrade_token_plan": {"subscription_id": NOBODYS, "plan_id": "plus"},
    "set_token_subscription_method": {"subscription_id": NOBODYS, "method_id": NOBODYS},
    "get_unpaid_token_order": {"subscription_id": NOBODYS},
    "get_token_document": {"number": "R2026-000001"},
    "request_token_refund": {"order_id": "ord_x", "reason": "r", "idempotency_key": "k"},
    "update_profile": {"display_name": "nobody"},
}


@pytest.fixture(scope="module")
def api(bank: Bank) -> Surface:
    with bank.connect() as connection:
        connection.row_factory = tuple_row  # type: ignore[assignment]
        return surface(connection)  # type: ignore[arg-type]


def test_rows_of_others_are_not_there(bank: Bank, api: Surface) -> None:
    owners = {relation.name: relation.owner for relation in api.private}
    for me in (_buyer(bank), _buyer(bank)):
        for relation, owner in {**owners, "coinslot.token_holds": "user_id"}.items():
            count = f"select count({owner}) as rows from {relation}"
            [own] = bank.rows(f"{count} where {owner} = %s", me)
            assert own["rows"] > 0, relation
            assert _as({"sub": str(me), **NOBODY}, bank, count) == own["rows"], relation


def test_nobody_sees_nothing(bank: Bank, api: Surface) -> None:
    _buyer(bank)
    for relation in api.private:
        assert _as(NOBODY, bank, f"select count(*) as rows from {relation.name}") == 0


def test_nobody_is_told_to_sign_in(bank: Bank) -> None:
    """Every RPC for users refuses a null auth.uid()."""
    assert set(CALLS) >= FOR_USERS - {"tokens"}
    for rpc, arguments in CALLS.items():
        named = ", ".join(f"{name} => %({name})s" for name in arguments)
        refused = _as(NOBODY, bank, f"select 1 as rows from {rpc}({named})", arguments)
        assert refused == Refusal("PT401", "unauthenticated"), rpc


def _as(
    claims: dict[str, str], bank: Bank, query: str, arguments: dict[str, Any] | None = None
) -> int | Refusal:
    with bank.connect() as connection:
        try:
            with connection.transaction():
                connection.execute(_CLAIM, [Jsonb(claims)])
                row = connection.execute(query, arguments).fetchone()
        except psycopg.Error as error:
            return refusal(error)
    assert row is not None
    return int(row["rows"])


def _buyer(bank: Bank) -> UUID:
    """Somebody with something in every relation that holds what belongs to people."""
    user = bank.user(5)
    order_id = bank.order(user)
    bank.ask(gateway_says(order_id, 1, paid=5000))
    bank.ask(ask_refund(order_id, "r", 500))
    bank.ask(hold(user, 1, "h"))
    bank.ask(spend(user, 1, "s"))
    with bank.connect() as connection:
        connection.execute(SUBSCRIBED, {"user": user})
        connection.execute(
            "insert into coinslot.cash_receipts (payment_id, gateway, kind) "
            "select p.id, p.gateway, 'self_issued' from public.token_payments p "
            "where p.order_id = %s",
            (order_id,),
        )
    return user
