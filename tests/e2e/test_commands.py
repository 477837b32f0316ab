"""The commands of an operator, of which one is a process of its own."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.checkouts import Checkout
from tests.support.commands import operate, operate_as_a_process
from tests.support.gateways import PORTONE_V1

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shop import Shop
    from tests.support.stacks import LocalStack


@pytest_asyncio.fixture
async def checkout(shop: Shop) -> Checkout:
    return Checkout.at(PORTONE_V1, shop)


async def test_audit_writes_what_a_spreadsheet_reads(
    checkout: Checkout, stack: LocalStack, tmp_path: Path
) -> None:
    order_id, key = await checkout.bought()
    await checkout.shop.play("pay", order_id="=cmd()", amount=700, force=True, webhook="none")
    today, file = datetime.now(UTC).date(), tmp_path / "report.csv"
    days = (today - timedelta(days=1), today + timedelta(days=1))
    _, out, _ = await operate(stack, "audit", "portone", *days, "--csv", file)
    rows = {row["payment_key"]: row for row in csv.DictReader(file.read_text("utf-8").splitlines())}
    ours = rows[key]
    assert (ours["order_id"], ours["paid"], ours["tokens"]) == (order_id, "5000", "10")
    foreign = next(row for row in rows.values() if "cmd()" in row["order_id"])
    assert (foreign["order_id"], foreign["verdict"]) == ("'=cmd()", "foreign")
    assert "matched" in out


async def test_refund_and_reconcile(checkout: Checkout, stack: LocalStack) -> None:
    order_id, key = await checkout.bought()
    arguments = ("refund", order_id, "--reason", "why", "--key", "cli", "--amount", 2000)
    for run in (operate_as_a_process, operate):
        status, out, _ = await run(stack, *arguments)
        assert status == 0
        assert "succeeded (2000 KRW, 4 tokens)" in out
    assert await checkout.returned(key) == 2000
    status, out, _ = await operate(stack, "reconcile", "--once")
    assert status == 0
    assert "read" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("refund", "ord_0123456789abcdef", "--reason", "r", "--key", "k"), "order_not_found"),
        (("reconcile",), "--once"),
        (("audit", "nonsense", "2026-11-01", "2026-11-02"), "no gateway nonsense"),
        (("audit", "portone", "2026-11-02", "2026-11-01"), "before the last"),
        (("audit", "portone", "2026-11-01", "2026-11-02", "--csv", "no/file.csv"), "folder no"),
        (
            ("close-refund", "00000000-0000-4000-8000-0000000000ff", "--reason", "r"),
            "no such refund",
        ),
        (("discrepancies", "resolve", "0", "--resolution", "r"), "no such discrepancy"),
        (("discrepancies", "resolve", "0", "--resolution", " "), "invalid_argument"),
        (("operators", "add", "nobody@example.com", "--role", "owner"), "exactly one user"),
        (("operators", "remove", "nobody@example.com"), "user_not_found"),
    ],
)
async def test_says_what_is_wrong(stack: LocalStack, arguments: tuple[str, ...], says: str) -> None:
    status, _, err = await operate(stack, *arguments)
    assert status == 1
    assert says in err


async def test_a_service_key_of_another_project_is_named(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = {**stack.env, "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_of_another_project"}
    monkeypatch.setattr(type(stack), "env", wrong)
    status, out, err = await operate(stack, "products", "list")
    assert (status, out) == (3, "")
    assert "SUPABASE_SERVICE_ROLE_KEY is not of this project" in err
    assert wrong["SUPABASE_SERVICE_ROLE_KEY"] not in err


async def test_what_needs_a_person_is_shown_until_it_is_resolved(
    checkout: Checkout, stack: LocalStack
) -> None:
    order_id = await checkout.shop.order()
    key = await checkout.shop.pay(order_id, amount=4999, force=True)
    refused = await checkout.shop.complete(order_id, key)
    assert refused.json()["code"] == "amount_mismatch"
    _, out, _ = await operate(stack, "discrepancies", "list")
    assert key in out.replace("\n", "")
    ((number,),) = checkout.shop.select(
        "select id from coinslot.discrepancies where payment_key = %s", key
    )
    for said in ("sent back by hand", "again"):
        status, out, _ = await operate(
            stack, "discrepancies", "resolve", number, "--resolution", said
        )
        assert (status, "sent back by hand" in out) == (0, True)
    _, out, _ = await operate(stack, "discrepancies", "list")
    assert key not in out.replace("\n", "")


async def test_products_are_set_listed_and_removed(shop: Shop, stack: LocalStack) -> None:
    made = ("products", "set", "by_command", "--name", "Lucky colours", "--name-ko", "행운의 색")
    for _ in range(2):
        status, out, _ = await operate(stack, *made, "--price", "KRW=9900", "--price", "USD=750")
        assert (status, "9900 KRW, 7.50 USD" in out) == (0, True)
    await operate(stack, "products", "set", "by_command", "--price", "USD=none")
    _, out, _ = await operate(stack, "products", "list")
    (row,) = (line for line in out.splitlines() if "by_command" in line)
    assert row.split() == [
        *("by_command", "one_off", "Lucky", "colours", "행운의", "색", "9900", "KRW", "yes"),
    ]
    removed = [await operate(stack, "products", "remove", "by_command") for _ in range(2)]
    assert [(status, out) for status, out, _ in removed] == [(0, "by_command: deleted\n"), (1, "")]
    assert "no such product" in removed[1][2]


async def test_a_product_with_orders_is_only_taken_off_sale(
    checkout: Checkout, stack: LocalStack
) -> None:
    made = ("products", "set", "sold_once", "--name", "Sold once", "--tokens", 3)
    await operate(stack, *made, "--price", "KRW=1000")
    order_id = await checkout.shop.order("sold_once")
    _, out, _ = await operate(stack, "products", "remove", "sold_once")
    assert out == "sold_once: off sale; its orders stay\n"
    ((tokens,),) = checkout.shop.select(
        "select tokens from token_payments where order_id = %s", order_id
    )
    assert tokens == 3
    _, out, _ = await operate(stack, "products", "list")
    (row,) = (line for line in out.splitlines() if "sold_once" in line)
    assert row.split()[-1] == "no"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("Bad-Id", "--name", "x", "--price", "KRW=1"), '"argument": "id"'),
        (("new_one", "--price", "KRW=1"), '"reason": "The product is new."'),
        (("new_one", "--name", "x", "--price", "KRW=0"), '"argument": "prices"'),
        (("new_one", "--name", "x", "--price", "1000"), "KRW=13000"),
        (("starter", "--tokens", 2**53), "less than or equal"),
        (("new_one", "--name", "x", "--price", "KRW=1", "--price", "KRW=2"), "a price already"),
    ],
)
async def test_what_is_no_product_is_a_sentence(
    stack: LocalStack, options: tuple[str, ...], says: str
) -> None:
    status, _, err = await operate(stack, "products", "set", *options)
    assert (status > 0, says in err) == (True, True)


async def test_operators_are_added_changed_listed_and_removed(
    shop: Shop, stack: LocalStack
) -> None:
    person, other = shop.buyer, stack.sign_up()
    assert (await operate(stack, "operators", "add", other.id, "--role", "owner"))[0] == 0
    for who, role in ((person.email, "owner"), (person.id, "finance"), (person.id, "finance")):
        status, out, _ = await operate(stack, "operators", "add", who, "--role", role)
        assert (status, out) == (0, f"{person.id} has the role {role}\n")
    _, out, _ = await operate(stack, "operators", "list")
    (row,) = (line for line in out.splitlines() if person.id in line)
    assert [*row.split()[:3], row.split()[-1]] == [person.id, person.email, "finance", "yes"]
    removed = [await operate(stack, "operators", "remove", person.email) for _ in range(2)]
    assert [status for status, _, _ in removed] == [0, 1]
    assert "is no operator" in removed[1][2]
    _, out, _ = await operate(stack, "operators", "list")
    assert person.id not in out


async def test_going_live_is_said_first_and_done_when_it_is_confirmed(
    checkout: Checkout, stack: LocalStack
) -> None:
    order_id, _ = await checkout.bought()
    status, out, _ = await operate(stack, "go-live")
    assert (status, "Nothing was changed" in out) == (0, True)
    assert order_id in out.replace("\n", "")
    tokens = await checkout.shop.tokens()
    try:
        status, out, _ = await operate(stack, "go-live", "--yes")
        assert (status, "The database is live" in out) == (0, True)
        assert await checkout.shop.tokens() == tokens - 10
        _, out, _ = await operate(stack, "go-live", "--yes")
        assert "0 tokens of 0 test payments" in out
    finally:
        with stack.connect() as owner:
            owner.execute("update coinslot.settings set mode = 'test'")
