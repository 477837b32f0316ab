"""Every text parameter of every RPC, as PostgREST passes it on: out of JSON, whatever that carries.

PostgREST answers 4xx for an error of ours (`PT4xx`) and for a text that no Postgres can keep (class
22). Anything else would be a 500, or a rule that only a constraint holds.
"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import DictRow, dict_row

from tests.database.people import Bank, grant

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
NOBODY = "00000000-0000-4000-8000-000000000009"
YEAR = {"from": "2026-01-01", "to": "2027-01-01"}
BY_NAME: dict[str, Any] = {
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
    "every": "month",
    "time_zone": "Asia/Seoul",
    "mode": "add",
    "rollover": "none",
    "method": "card",
    "promotion": "welcome",
    "promo_code": None,
    "terms": {"kind": "tokens", "tokens": 1},
    "tiers": [],
    "tax_status": "general",
    "unattended": "at_will",
    "until": "2026-01-02T00:00:00Z",
    "expires_at": None,
    "tokens_end_at": None,
    "types": None,
    "locale": "ko",
    "url": "https://app.example/hooks",
    "secret": "v1.x",
    "after": None,
    "id": "premium_reading",
    "who": NOBODY,
    "q": "Kim",
}
BY_RPC: dict[str, dict[str, Any]] = {
    "add_token_endpoint": {"id": NOBODY},
    "add_tokens": {"kind": "grant"},
    "coinslot_add_endpoint": {"id": NOBODY},
    "coinslot_export_user": {"part": "wallet"},
    "coinslot_finish_charge": {"outcome": "declined"},
    "coinslot_finish_mail": {"outcome": "sent"},
    "coinslot_make_codes": {"number": 1},
    "coinslot_set_code": {"code": "WELCOME"},
    "coinslot_set_tiers": {"tiers": {"5": 10}},
    "list_token_deliveries": {"state": None},
    "set_token_code": {"code": "WELCOME"},
    "set_token_mail": {"kind": "tokens_low"},
    "token_console_act": {"action": "note_order"},
    "set_token_tiers": {"tiers": {"5": 10}},
    "token_console_export": {"report": "sales", "format": "csv", "options": YEAR},
    "token_console_get": {"what": "order"},
    "token_console_list": {"list": "orders"},
    "token_console_report": {"report": "sales", "options": YEAR},
    "update_profile": {"display_name": "Kim"},
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
    me, other = bank.operator("owner"), bank.user()
    bank.ask(grant(me, 10_000, "enough for each call"))
    known = {**BY_NAME, **_there(bank, me, other)}
    asked = answered = 0
    with bank.connect() as connection:
        for rpc in bank.rows(RPCS):
            fitting = {**known, **BY_RPC.get(rpc["name"], {})}
            arguments = {
                name: fitting["uuid"]
                if (name, kind) == ("id", "uuid")
                else fitting.get(name, BY_TYPE.get(kind))
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


def _there(bank: Bank, me: UUID, other: UUID) -> dict[str, str]:
    """The order, the endpoint and the promotion that the calls name."""
    endpoint = str(uuid4())
    bank.change("select coinslot.set_promotion('welcome', %s, '')", json.dumps(BY_NAME["terms"]))
    bank.change(
        "select coinslot_add_endpoint(%s, %s, 'v1.x', 'x', null, 'x')", endpoint, BY_NAME["url"]
    )
    return {
        "user_id": str(me),
        "from_user": str(me),
        "into_user": str(other),
        "order_id": bank.order(me),
        "subject": bank.order(me),
        "uuid": endpoint,
    }


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
