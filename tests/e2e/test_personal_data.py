"""`coinslot export-user` and `coinslot erase-user`, on the running stack."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.cli.personal_data import FORMAT
from tests.support.commands import operate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.shop import Shop
    from tests.support.stacks import LocalStack

SAID = "for my sister"
FORMULA = '=HYPERLINK("https://example.com")'


async def lived(shop: Shop) -> str:
    """The id of an order of somebody who has left words of their own."""
    order_id, _ = await shop.bought()
    for number, reason in enumerate((SAID, FORMULA, "-5", "ünï 한글 👩‍👩‍👧‍👦 \u202e\n")):
        await shop.rpc(
            "spend_tokens", shop.buyer, amount=1, idempotency_key=f"k{number}", reason=reason
        )
    return order_id


async def copied(stack: LocalStack, who: str) -> dict[str, Any]:
    status, out, err = await operate(stack, "export-user", who)
    assert status == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


async def test_a_copy_has_all_of_one_person_and_nothing_of_another(
    shop: Shop, stack: LocalStack
) -> None:
    order_id = await lived(shop)
    other = stack.sign_up()
    copy = await copied(stack, shop.buyer.id)
    assert (copy["format"], copy["user_id"]) == (FORMAT, shop.buyer.id)
    assert [each["order_id"] for each in copy["payments"]] == [order_id]
    assert [each["kind"] for each in copy["documents"]] == ["receipt"]
    assert next(each["reason"] for each in copy["ledger"] if each["reason"]) == SAID
    assert copy["account"][0]["account"]["email"] == shop.buyer.email
    assert other.id not in json.dumps(copy)
    assert copy["retention"]
    assert await copied(stack, shop.buyer.email) | {"generated_at": ""} == copy | {
        "generated_at": ""
    }


async def test_a_copy_of_a_long_history_is_whole(shop: Shop, stack: LocalStack) -> None:
    for number in range(3):
        await shop.rpc("spend_tokens", shop.buyer, amount=1, idempotency_key=f"{number}")
    shop.select(
        "with entries as (select coinslot.add_tokens(%s, 1, 'g' || n, '', 'grant') "
        "from generate_series(1, 1200) n) select count(*) from entries",
        shop.buyer.id,
    )
    copy = await copied(stack, shop.buyer.id)
    assert [each["seq"] for each in copy["ledger"]] == list(range(1, 1205))


async def test_a_copy_for_spreadsheets(shop: Shop, stack: LocalStack, tmp_path: Path) -> None:
    await lived(shop)
    folder = tmp_path / "copy"
    status, out, err = await operate(stack, "export-user", shop.buyer.id, "--csv", folder, "--json")
    assert status == 0, err
    counts = json.loads(out)
    assert counts["ledger"] == 6
    assert sorted(file.stem for file in folder.iterdir()) == sorted(
        part for part, rows in counts.items() if rows
    )
    for file in folder.iterdir():
        assert file.read_bytes().startswith(b"\xef\xbb\xbf")
        assert file.stat().st_mode & 0o077 == 0
    with (folder / "ledger.csv").open(encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    reasons = [row["reason"] for row in rows if row["reason"]]
    assert reasons == [SAID, f"'{FORMULA}", "-5", "ünï 한글 👩‍👩‍👧‍👦 \u202e\n"]
    assert [row["seq"] for row in rows] == [str(number) for number in range(1, 7)]


@pytest.mark.parametrize("option", ["--output", "--csv"])
async def test_nothing_is_written_over(stack: LocalStack, tmp_path: Path, option: str) -> None:
    there = tmp_path / "there"
    there.write_text("mine", encoding="utf-8")
    status, _, err = await operate(stack, "export-user", "x@example.com", option, there)
    assert (status, err.strip()) == (1, f"{there} is there already")
    assert there.read_text(encoding="utf-8") == "mine"


async def test_nobody_is_no_copy(stack: LocalStack, tmp_path: Path) -> None:
    status, out, err = await operate(
        stack, "export-user", "nobody@example.com", "--output", tmp_path / "new"
    )
    assert status == 1
    assert "user" in err
    assert out == ""
    assert not (tmp_path / "new").exists()


async def test_nothing_that_identifies_is_left(shop: Shop, stack: LocalStack) -> None:
    order_id = await lived(shop)
    erase = ("erase-user", shop.buyer.id, "--reason", "asked", "--json")
    status, _, err = await operate(stack, *erase, "--yes")
    assert (status, "Delete the account" in err) == (1, True)
    shop.select("delete from auth.users where id = %s returning 1", shop.buyer.id)
    status, _, err = await operate(stack, *erase, "--yes")
    assert (status, "paid_tokens" in err) == (1, True)
    status, out, err = await operate(stack, *erase, "--forfeit")
    assert status == 0, err
    assert json.loads(out)["done"] is False
    assert SAID in json.dumps(await copied(stack, shop.buyer.id))
    status, out, err = await operate(stack, *erase, "--forfeit", "--yes")
    assert status == 0, err
    assert (json.loads(out)["done"], json.loads(out)["entries"]) == (True, 4)
    left = await copied(stack, shop.buyer.id)
    told = json.dumps(left, ensure_ascii=False)
    for said in (SAID, "HYPERLINK", "한글", shop.buyer.email):
        assert said not in told
    assert left["account"] == []
    assert len(left["ledger"]) == 6
    assert [each["order_id"] for each in left["documents"]] == [order_id]
