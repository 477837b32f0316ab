"""Five apps take Coinslot in: people sign up, buy and are deleted, and what was theirs goes on."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from devstack.settings import ROOT, DevstackError
from devstack.tools import require_node
from tests.support.apps import APPS, PEOPLE, Project, delete, project, sign_in
from tests.support.clusters import DEBIAN_15
from tests.support.shop import Shop
from tests.support.stacks import PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.stacks import LocalStack, Person

BALANCES = {
    "plan": {"mina@example.com": 42, "alex@example.com": 0},
    "shop": {"mina@example.com": 7, "alex@example.com": 5},
}
"""Of people who had one before Coinslot; the others get the sign-up bonus."""

IN_THE_WAY = {"shop": "function public.spend_tokens(n integer): the name is Coinslot's."}

FULL = "plan"
"""The app that `make test` takes the whole way; the others are proofs."""


def _paths() -> list[Any]:
    """Each app on the oldest and the newest Postgres."""
    return [
        pytest.param(
            app,
            postgres_bin,
            id=f"{app}-{'15' if postgres_bin else '18'}",
            marks=[] if (app, postgres_bin) == (FULL, None) else [pytest.mark.proof],
        )
        for app in APPS
        for postgres_bin in (None, DEBIAN_15)
    ]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("app", "postgres_bin"), _paths())
async def test_app_takes_coinslot_in(app: str, postgres_bin: Path | None, tmp_path: Path) -> None:
    with project(app, postgres_bin) as taken_in:
        taken_in.begin()
        taken_in.comes_and_goes()
        if app in IN_THE_WAY:
            with pytest.raises(DevstackError, match=re.escape(IN_THE_WAY[app])):
                taken_in.add_coinslot()
            taken_in.comes_and_goes()
            assert taken_in.add_own("rename")
        before = taken_in.schema()
        taken_in.add_coinslot()
        taken_in.comes_and_goes()
        imported = taken_in.add_own("import")
        taken_in.comes_and_goes()
        assert _balances(taken_in) == BALANCES.get(app, dict.fromkeys(PEOPLE, 5))
        stack = taken_in.start()
        async with httpx.AsyncClient(timeout=30) as http:
            await _go_on(stack, http, BALANCES.get(app, {}).get(PEOPLE[0], 5))
        OWN[app](stack)
        _delete(stack, taken_in)
        _restore(taken_in, tmp_path)
        taken_in.uninstall()
        taken_in.comes_and_goes()
        after = taken_in.schema()
        assert not re.search("coinslot|token_", after)
        # The column that was imported is gone.
        assert imported or after == before


async def _go_on(stack: LocalStack, http: httpx.AsyncClient, tokens: int) -> None:
    """Somebody from before and somebody new buy and spend."""
    for person, before in ((sign_in(stack, PEOPLE[0]), tokens), (stack.sign_up(), 5)):
        shop = Shop(stack, http, person, stack.sidecar_url)
        assert await shop.tokens() == before
        await shop.bought()
        await shop.rpc("use_feature", person, feature="answer", idempotency_key="first")
        assert await shop.tokens() == before + 10 - 2


def _delete(stack: LocalStack, taken_in: Project) -> None:
    """People are deleted through Auth, and the books stay."""
    for person in (sign_in(stack, PEOPLE[0]), stack.sign_up()):
        delete(stack, person)
        assert taken_in.select("select from auth.users where id = %s", person.id) == []
        [(closed, seq)] = taken_in.select(
            "select closed_at is not null, seq from public.token_wallets where user_id = %s",
            person.id,
        )
        assert closed
        assert seq > 0
    assert taken_in.select("select * from coinslot.verify_ledger(null, null)") == []


def _restore(taken_in: Project, folder: Path) -> None:
    """A backup of all of it, elsewhere: it is whole, has the same books, and people sign up."""
    copy = taken_in.restore(folder)
    assert taken_in.select("select * from coinslot.check_installation()", database=copy) == []
    assert taken_in.select("select * from coinslot.verify_ledger(null, null)", database=copy) == []
    assert _balances(taken_in, copy) == _balances(taken_in)
    taken_in.comes_and_goes(copy)


def _balances(taken_in: Project, database: str = "postgres") -> dict[str, int]:
    found = taken_in.select(
        "select u.email, w.tokens from auth.users u"
        " join public.token_wallets w on w.user_id = u.id",
        database=database,
    )
    return dict(found)


# ---- what was the app's own ----


def _starter(stack: LocalStack) -> None:
    person = sign_in(stack, PEOPLE[0])
    mine = _get(stack, person, f"profiles?select=username&id=eq.{person.id}")
    assert mine == [{"username": "mina"}]


def _plan(stack: LocalStack) -> None:
    """The documents' own calls: reads go on, and whatever writes fails."""
    answers = _app_reads(stack, PEOPLE[0])
    assert answers["tokens"] == [200, None, {"tokens": 50}]
    assert answers["all"][0] == 200
    assert answers["all"][2]["full_name"] == "Somebody"
    assert "tokens" not in answers["all"][2]
    assert {row["tokens"] for row in answers["others"][2]} == {None}
    assert answers["payments"] == [200, None, [{"status": "completed"}]]
    refused = {name: answers[name][:2] for name in ("spend", "add", "pay", "webhook")}
    assert refused == {
        "spend": [400, "PGRST204"],
        "add": [400, "PGRST204"],
        "pay": [403, "PT403"],
        "webhook": [403, "PT403"],
    }


def _guide(stack: LocalStack) -> None:
    person = sign_in(stack, PEOPLE[0])
    assert _get(stack, person, "payments?select=amount,status") == [
        {"amount": 13000, "status": "completed"}
    ]
    body = {"order_id": "ord_new", "amount": 1, "payment_method": "toss"}
    answer = _post(stack, None, "payments", body)
    assert (answer.status_code, answer.json()["message"]) == (403, "table_closed")


def _subscriptions(stack: LocalStack) -> None:
    person = sign_in(stack, PEOPLE[0])
    path = "subscriptions?select=status,prices(products(name))"
    assert _get(stack, person, path) == [
        {"status": "active", "prices": {"products": {"name": "Pro"}}}
    ]


def _shop(stack: LocalStack) -> None:
    person = sign_in(stack, PEOPLE[0])
    made = _post(stack, person, "rpc/create_order", {"product": "a lamp"})
    assert made.raise_for_status().json()["product"] == "a lamp"
    assert len(_get(stack, person, "orders?select=product")) == 2
    assert _get(stack, person, "credits?select=amount") == [{"amount": 7 + 10 - 2}]


OWN = {
    "guide": _guide,
    "plan": _plan,
    "shop": _shop,
    "starter": _starter,
    "subscriptions": _subscriptions,
}


def _get(stack: LocalStack, person: Person, path: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{stack.api_url}/rest/v1/{path}", headers=stack.headers(person))
    rows: list[dict[str, Any]] = answer.raise_for_status().json()
    return rows


def _post(stack: LocalStack, person: Person | None, path: str, body: object) -> httpx.Response:
    url = f"{stack.api_url}/rest/v1/{path}"
    return httpx.post(url, json=body, headers=stack.headers(person))


def _app_reads(stack: LocalStack, email: str) -> dict[str, list[Any]]:
    run = subprocess.run(
        [require_node(), ROOT / "tests/e2e/clients/app_reads.mjs"],
        env={"PATH": os.environ["PATH"], **stack.env, "EMAIL": email, "PASSWORD": PASSWORD},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    answers: dict[str, list[Any]] = json.loads(run.stdout)
    return answers
