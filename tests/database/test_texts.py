"""Every text parameter of every RPC, as PostgREST passes it on: out of JSON, whatever that carries.

PostgREST answers 4xx for an error of ours (`PT4xx`) and for a text that no Postgres can keep (class
22). Anything else would be a 500, or a rule that only a constraint holds.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import DictRow, dict_row

from tests.database.people import Bank

# Of each a text that is fine, and what is sent in its place.
TEXTS = (
    *("\x00", "\ud800", "\x1b[31m", "\n", "\u202e", "", " ", "\U0001f600" * 255),
    *("\U0010ffff" * 64, "x" * 300_000, "'; select 1; --", "\\", "%", "*:(a*)*$"),
)
RPCS = """
select p.proname as name, array(
  select a.name from unnest(p.proargnames) with ordinality a (name, at)
  where p.proargmodes is null or p.proargmodes[a.at] in ('i', 'b')
) as names, array(
  select format_type(t.type, null) from unnest(p.proargtypes::oid[]) t (type)
) as types,
has_function_privilege('authenticated', p.oid, 'execute') as for_users
from pg_proc p
where p.pronamespace = 'public'::regnamespace and strpos(p.prosrc, 'coinslot.') > 0
  and (has_function_privilege('authenticated', p.oid, 'execute')
    or has_function_privilege('service_role', p.oid, 'execute'))
order by p.proname
"""
# What makes a call that goes as far as it can. A type says it where the name does not.
BY_NAME = {
    "gateway": "portone",
    "product_id": "starter",
    "feature": "question",
    "currency": "KRW",
    "state": "paid",
    "source": "webhook",
    "outcome": "failed",
    "answer": "accepted",
    "role": "finance",
    "kind": "tokens",
    "payment_key": "imp_1",
    "paid": 5000,
    "amount": 5000,
    "headers": {},
    "body": {},
    "prices": {"KRW": 5000},
    "lines": [],
    "account": None,
    "virtual_account": None,
    "metadata": {},
    "webhook_ids": [],
}
BY_TYPE = {
    "text": "x",
    "bigint": 1,
    "integer": 1,
    "boolean": False,
    "jsonb": {},
    "timestamp with time zone": "2026-01-01T00:00:00Z",
}


def test_every_text_is_taken_or_refused_with_a_code(bank: Bank) -> None:
    me, other = bank.user(1000), bank.user()
    order = bank.order(me)
    given = {"user_id": str(me), "from_user": str(me), "into_user": str(other), "who": str(me)}
    known = {**BY_NAME, **given, "order_id": order}
    asked = answered = 0
    with bank.connect() as connection:
        for rpc in bank.rows(RPCS):
            arguments = {
                name: known.get(name, BY_TYPE.get(kind))
                for name, kind in zip(rpc["names"], rpc["types"], strict=True)
            }
            for name, kind in zip(rpc["names"], rpc["types"], strict=True):
                if kind not in {"text", "jsonb", "text[]"}:
                    continue
                for text in TEXTS:
                    value: Any = {"text": text, "jsonb": {text: text}, "text[]": [text]}[kind]
                    user = me if rpc["for_users"] else None
                    state = _called(connection, rpc, {**arguments, name: value}, user)
                    assert state is None or state.startswith(("PT4", "22")), (rpc, name, text)
                    asked += 1
                    answered += state is None
    # Or the refusals would be of something else.
    assert answered > asked / 4 > 100
    assert bank.audit() == []


def _called(
    connection: psycopg.Connection[Any], rpc: DictRow, arguments: dict[str, Any], user: UUID | None
) -> str | None:
    """The SQLSTATE of the refusal; None where the call was answered. Nothing of it stays."""
    role = "authenticated" if user else "service_role"
    claims = json.dumps({"role": role, "sub": str(user)} if user else {"role": role})
    columns = ", ".join(
        f'"{name}" {kind}' for name, kind in zip(rpc["names"], rpc["types"], strict=True)
    )
    named = ", ".join(f'"{name}" => j."{name}"' for name in rpc["names"])
    statement = (
        f"select r.* from json_to_record(%s::json) as j ({columns}), {rpc['name']}({named}) r"
    )
    try:
        with connection.transaction(force_rollback=True):
            connection.cursor(row_factory=dict_row).execute(
                "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
                [role, claims],
            )
            connection.execute(statement.encode(), [json.dumps(arguments)])
    except psycopg.Error as error:
        return error.sqlstate or "none"
    return None
