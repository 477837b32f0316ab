"""`coinslot doctor` on a deployment that is sound, and on many that are broken in one way each."""

from __future__ import annotations

import json
import re
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from coinslot.release import VERSION
from devstack.keys import ApiKeys
from tests.support.commands import operate, operate_as_a_process, operate_with
from tests.support.modes import LIVE, TEST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stacks import LocalStack

FOREIGN = ApiKeys("another-project-s-secret-with-more-than-32-characters")
NOBODY = "http://127.0.0.1:1"
TOSS_KEYS = {"TOSS_SECRET_KEY": "test_sk_of_another_shop"}
GATEWAY_KEYS = (
    *("IAMPORT_CODE", "IAMPORT_API_KEY", "IAMPORT_API_SECRET", "TOSS_CLIENT_KEY"),
    *("TOSS_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"),
    *("PORTONE_API_SECRET", "PORTONE_STORE_ID", "PORTONE_CHANNEL_KEY", "PORTONE_WEBHOOK_SECRETS"),
)


def expired() -> str:
    claims = {"role": "anon", "exp": int(time.time()) - 60}
    return jwt.encode(claims, FOREIGN.jwt_secret, algorithm="HS256")


@dataclass(frozen=True)
class Broken:
    """`says` is a code, and a word of the line or of its repair. None as a value unsets."""

    says: tuple[str, str]
    status: int = 1
    settings: dict[str, str | None] = field(default_factory=dict)
    sql: str = ""
    repaired: str = ""


BROKEN = {
    "wrong public key": Broken(
        ("anon_key_refused", "SUPABASE_ANON_KEY"),
        settings={"SUPABASE_ANON_KEY": "sb_publishable_of_another"},
    ),
    "public key of another project": Broken(
        ("anon_key_refused", "SUPABASE_ANON_KEY"), settings={"SUPABASE_ANON_KEY": FOREIGN.anon}
    ),
    "public key that is over": Broken(
        ("setting_wrong", "SUPABASE_ANON_KEY has expired"),
        settings={"SUPABASE_ANON_KEY": expired()},
    ),
    "service key of another project": Broken(
        ("service_key_refused", "SUPABASE_SERVICE_ROLE_KEY"),
        settings={"SUPABASE_SERVICE_ROLE_KEY": FOREIGN.service_role},
    ),
    "swapped keys": Broken(
        ("setting_wrong", "SUPABASE_ANON_KEY holds a secret key"),
        settings={"SUPABASE_ANON_KEY": FOREIGN.secret},
    ),
    "key with a line break": Broken(
        ("setting_wrong", "line break"), settings={"SUPABASE_ANON_KEY": f"{FOREIGN.anon}\n"}
    ),
    "no address": Broken(
        ("setting_wrong", "SUPABASE_URL is not set"), settings={"SUPABASE_URL": None}
    ),
    "empty service key": Broken(
        ("setting_wrong", "SUPABASE_SERVICE_ROLE_KEY is not set"),
        settings={"SUPABASE_SERVICE_ROLE_KEY": ""},
    ),
    "public key that is too short": Broken(
        ("setting_wrong", "SUPABASE_ANON_KEY"), settings={"SUPABASE_ANON_KEY": "q7Zk2"}
    ),
    "name gone": Broken(
        ("name_unknown", "SUPABASE_URL"), 3, settings={"SUPABASE_URL": "http://nowhere.invalid"}
    ),
    "database away": Broken(("unreachable", "SUPABASE_URL"), 3, settings={"SUPABASE_URL": NOBODY}),
    "keys of another shop": Broken(
        ("gateway_keys_refused", "TOSS_SECRET_KEY"),
        settings={"TOSS_SECRET_KEY": "test_sk_of_another_shop"},
    ),
    "restricted key that is gone": Broken(
        ("gateway_keys_refused", "STRIPE_SECRET_KEY"),
        settings={"STRIPE_SECRET_KEY": "rk_test_of_another_shop"},
    ),
    "wrong secret of V1": Broken(
        ("gateway_keys_refused", "IAMPORT_API_SECRET"),
        settings={"IAMPORT_API_SECRET": "of-another-shop"},
    ),
    "gateway away": Broken(("unreachable", "TOSS_API_URL"), 3, settings={"TOSS_API_URL": NOBODY}),
    "no gateway": Broken(("no_gateway", "Set the keys"), settings=dict.fromkeys(GATEWAY_KEYS)),
    "half a gateway": Broken(
        ("setting_wrong", "set all of Toss's keys"), settings={"TOSS_CLIENT_KEY": None}
    ),
    "no webhook secret": Broken(
        ("webhook_secret_missing", "STRIPE_WEBHOOK_SECRET"),
        0,
        settings={"STRIPE_WEBHOOK_SECRET": None},
    ),
    "no key for secrets": Broken(
        ("secret_keys_missing", "openssl rand"), 0, settings={"COINSLOT_SECRET_KEYS": None}
    ),
    "short key for secrets": Broken(
        ("setting_wrong", "COINSLOT_SECRET_KEYS has a key 'main'"),
        settings={"COINSLOT_SECRET_KEYS": "main:c2hvcnQgYW5kIHNvcnQgb2Y="},
    ),
    "pages elsewhere": Broken(
        ("cors_without_frontend", "Add https://app.example.com to CORS_ORIGINS"),
        0,
        settings={"FRONTEND_URL": "https://app.example.com/shop"},
    ),
    "other mode": Broken(
        ("mode_differs", "the database is live"),
        sql=LIVE,
        repaired=TEST,
    ),
    "older release": Broken(
        ("release_differs", "the database is at 0.0.9"),
        sql="create or replace function coinslot.schema_version() returns text language sql"
        " immutable parallel safe set search_path = '' return '0.0.9'",
        repaired="create or replace function coinslot.schema_version() returns text language sql"
        f" immutable parallel safe set search_path = '' return '{VERSION}'",
    ),
    "missing function": Broken(
        ("migrations_missing", "coinslot_return_webhooks"),
        sql="alter function coinslot_return_webhooks(bigint[]) rename to give_back",
        repaired="alter function give_back(bigint[]) rename to coinslot_return_webhooks",
    ),
    "missing triggers": Broken(
        ("trigger_missing", "coinslot_user_created on auth.users"),
        sql="drop function coinslot.follow_user() cascade",
        repaired="repairs",
    ),
    "old function body": Broken(
        ("function_changed", "public.get_user_tokens()"),
        sql="create or replace function public.get_user_tokens() returns bigint language sql"
        " stable set search_path = '' as 'select coinslot.max_amount()'",
        repaired="repairs",
    ),
    "an app's function of the same name": Broken(
        ("function_rival", "spend_tokens"),
        sql="create function public.spend_tokens(amount integer, idempotency_key text)"
        " returns integer language sql as 'select 1'",
        repaired="drop function public.spend_tokens(integer, text)",
    ),
    "grants": Broken(
        ("grants_missing", "coinslot_claim_webhooks"),
        sql="revoke execute on function coinslot_claim_webhooks(integer) from service_role",
        repaired="repairs",
    ),
    "user without a wallet": Broken(
        ("wallet_missing", "select coinslot.adopt_users();"),
        sql="drop function coinslot.follow_user() cascade;"
        " insert into auth.users (id) values (gen_random_uuid())",
        repaired="repairs",
    ),
    "nothing on sale": Broken(
        ("nothing_on_sale", "coinslot products set"),
        sql="update token_products set active = false",
        # A test before may have left one that is off sale.
        repaired="update token_products set active = true where id in"
        " ('starter', 'standard', 'premium', 'premium_reading', 'plus', 'pro', 'pro_year')",
    ),
}


# What else a database lacks then.
FOLLOWS = {
    "grants_missing": {"migrations_missing"},
    "migrations_missing": {"function_missing"},
    "release_differs": {"function_changed"},
    "trigger_missing": {"function_missing"},
    "wallet_missing": {"function_missing", "trigger_missing"},
}


@contextmanager
def broken(stack: LocalStack, how: Broken) -> Iterator[None]:
    with stack.connect() as owner:
        for statement in filter(None, [how.sql]):
            owner.execute(statement.encode())
        try:
            yield
        finally:
            repair = "select repair from coinslot.check_installation()"
            statements = [how.repaired]
            if how.repaired == "repairs":
                statements = [row[0] for row in owner.execute(repair).fetchall()]
            for statement in filter(None, statements):
                owner.execute(statement.encode())


def environment(stack: LocalStack, changes: dict[str, str | None]) -> dict[str, str]:
    given = {**stack.env, "COLUMNS": "200", **changes}
    return {name: value for name, value in given.items() if value is not None}


async def examined(
    stack: LocalStack, changes: dict[str, str | None]
) -> tuple[int, list[dict[str, Any]]]:
    """The status, and the lines that are not ✓. No secret is in any of it."""
    values = environment(stack, changes)
    status, out, err = await operate_with(values, "doctor", "--json")
    secrets = {value for name, value in values.items() if "KEY" in name or "SECRET" in name}
    assert not [each for each in secrets if each and each.strip() in out + err]
    return status, [each for each in json.loads(out) if each["level"] != "ok"]


async def test_a_sound_deployment(stack: LocalStack) -> None:
    status, out, err = await operate_as_a_process(stack, "doctor")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert [line for line in lines if line.startswith("✗")] == []
    for said in ("SUPABASE_ANON_KEY", "stripe takes STRIPE_SECRET_KEY", "wallets are whole"):
        assert any(line.startswith("✓") and said in line for line in lines)
    assert "\x1b" not in out


@pytest.mark.parametrize("how", BROKEN.values(), ids=BROKEN.keys())
async def test_each_that_is_broken_is_named(stack: LocalStack, how: Broken) -> None:
    with broken(stack, how):
        status, lines = await examined(stack, how.settings)
    code, word = how.says
    assert status == how.status
    named = [each for each in lines if each["code"] == code]
    assert [each for each in named if word in " ".join(map(str, each.values()))]
    # Nothing else is called a fault, but for what follows from it.
    faults = {each["code"] for each in lines if each["level"] in {"fault", "unknown"}}
    assert faults - FOLLOWS.get(code, set()) <= {code}


async def test_one_that_was_repaired_is_sound_again(stack: LocalStack) -> None:
    status, _ = await examined(stack, {})
    assert status == 0


@pytest.mark.parametrize("off", [3600, -3600])
async def test_a_clock_an_hour_off_is_named(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch, off: int
) -> None:
    right = time.time
    monkeypatch.setattr(time, "time", lambda: right() + off)
    status, lines = await examined(stack, {})
    assert status == 1
    clocks = [each["problem"] for each in lines if each["code"] == "clock_off"]
    assert any("off the database" in each for each in clocks)
    told = [int(re.findall(r"[+-]\d+", each)[0]) for each in clocks]
    assert all(abs(each - off) < 60 for each in told)


async def test_repairs_of_the_database_are_a_script_that_works(stack: LocalStack) -> None:
    with stack.connect() as owner:
        owner.execute("grant execute on function add_tokens to authenticated")
        owner.execute("alter table token_ledger disable trigger token_ledger_no_truncate")
        status, script, _ = await operate(stack, "doctor", "--sql")
        _, shown, _ = await operate(stack, "doctor")
        owner.execute(script.encode())
    assert status == 1
    assert script.startswith("-- grants_added: public.add_tokens(")
    assert "✗ database: trigger_disabled token_ledger_no_truncate on public.token_ledger" in shown
    assert (await operate(stack, "doctor", "--sql")) == (0, "", "")
