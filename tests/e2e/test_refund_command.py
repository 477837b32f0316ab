"""`coinslot refund` of what came by deposit: the account is given, and kept by nobody."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.checkouts import Checkout
from tests.support.commands import operate, operate_as_a_process, operate_by_hand
from tests.support.gateways import PORTONE_V1, TOSS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.gateways.driver import GatewayDriver
    from tests.support.shop import Shop
    from tests.support.stacks import LocalStack

NUMBER, HOLDER = "11029384756123", "Hong Gildong"
ACCOUNT = {"bank": "20", "accountNumber": NUMBER, "holder": HOLDER}


async def deposited(checkout: Checkout) -> tuple[str, str]:
    """An order paid by a deposit, and its payment key."""
    order_id = await checkout.order()
    key = await checkout.shop.pay(order_id, outcome="awaiting_deposit")
    await checkout.come_back(order_id, key)
    await checkout.shop.play("deposit", payment_key=key)
    await checkout.shop.until(lambda: checkout.shop.row(order_id)["status"] == "completed")
    return order_id, key


def kept_anywhere(shop: Shop) -> int:
    """Rows of refunds and their accounts that hold the number."""
    [(count,)] = shop.select(
        "select (select count(*) from coinslot.refund_accounts a where a::text like s.number)"
        " + (select count(*) from coinslot.refunds r where r::text like s.number)"
        " + (select count(*) from token_payment_events e where e::text like s.number)"
        " from (select %s as number) s",
        f"%{NUMBER}%",
    )
    return int(count)


def refund_of(order_id: str, *options: object) -> tuple[object, ...]:
    return ("refund", order_id, "--reason", "why", "--key", "cli", *options)


class TestAccount:
    @pytest.mark.parametrize("driver", [TOSS, PORTONE_V1], ids=lambda each: each.name)
    async def test_of_a_file(
        self, shop: Shop, stack: LocalStack, tmp_path: Path, driver: GatewayDriver
    ) -> None:
        checkout, file = Checkout.at(driver, shop), tmp_path / "account.json"
        file.write_text(json.dumps(ACCOUNT), encoding="utf-8")
        order_id, key = await deposited(checkout)
        status, out, err = await operate(stack, *refund_of(order_id, "--account", file))
        assert status == 0, err
        assert "succeeded (5000 KRW, 10 tokens)" in out
        assert await checkout.returned(key) == 5000
        assert NUMBER not in out + err
        assert HOLDER not in out + err
        assert kept_anywhere(shop) == 0

    async def test_of_standard_input_is_what_the_gateway_gets(
        self, shop: Shop, stack: LocalStack
    ) -> None:
        checkout = Checkout.at(TOSS, shop)
        order_id, key = await deposited(checkout)
        arguments = refund_of(order_id, "--account", "-")
        account = json.dumps(ACCOUNT)
        status, out, err = await operate_as_a_process(stack, *arguments, given=account)
        assert status == 0, err
        assert NUMBER not in out + err
        receiver = (await checkout.books(key))["virtualAccount"]["refundReceiveAccount"]
        assert receiver == {"bankCode": "20", "accountNumber": NUMBER, "holderName": HOLDER}

    async def test_asked_for_on_a_terminal_that_does_not_show_the_number(
        self, shop: Shop, stack: LocalStack
    ) -> None:
        checkout = Checkout.at(TOSS, shop)
        order_id, key = await deposited(checkout)
        number = "Account number: "
        again = "Repeat for confirmation: "
        status, screen = await operate_by_hand(
            stack,
            *refund_of(order_id, "--ask-account"),
            answers=[
                ("): ", "20"),
                (number, NUMBER),
                (again, NUMBER[:-1]),
                (number, NUMBER),
                (again, NUMBER),
                ("Holder: ", HOLDER),
            ],
        )
        assert status == 0, screen
        assert "succeeded" in screen
        assert NUMBER[:-1] not in screen
        receiver = (await checkout.books(key))["virtualAccount"]["refundReceiveAccount"]
        assert receiver["accountNumber"] == NUMBER


class TestWithoutAGoodAccount:
    async def test_says_why_the_gateway_did_not_take_it(
        self, shop: Shop, stack: LocalStack
    ) -> None:
        """And under another key it is asked for with one."""
        checkout = Checkout.at(TOSS, shop)
        order_id, key = await deposited(checkout)
        status, out, err = await operate_as_a_process(stack, *refund_of(order_id))
        assert (status, await checkout.returned(key)) == (1, 0)
        assert "failed (5000 KRW, 10 tokens)" in out
        assert "INVALID_REFUND_ACCOUNT_INFO" in err
        again = ("refund", order_id, "--reason", "why", "--key", "cli-2", "--account", "-")
        assert (await operate(stack, *again, given=json.dumps(ACCOUNT)))[0] == 0
        assert await checkout.returned(key) == 5000

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            (json.dumps({**ACCOUNT, "accountNumber": f"{NUMBER}-1"}), "accountNumber"),
            (json.dumps({**ACCOUNT, "bank": ""}), "bank"),
            (json.dumps({**ACCOUNT, "iban": NUMBER}), "iban"),
            (json.dumps({"accountNumber": NUMBER}), "bank"),
            (json.dumps([NUMBER]), "body"),
            (NUMBER + "x", "not JSON"),
            ("[" * 100_000, "not JSON"),
            ("", "not JSON"),
        ],
    )
    async def test_refused_as_by_the_route_before_anything_is_asked(
        self, stack: LocalStack, given: str, says: str
    ) -> None:
        """And before the order is looked for: this one is not there."""
        arguments = refund_of("ord_0123456789abcdef", "--account", "-")
        status, out, err = await operate(stack, *arguments, given=given)
        assert status == 1
        assert says in err
        assert "order_not_found" not in err
        assert NUMBER not in out + err

    async def test_one_way_of_giving_it(self, stack: LocalStack, tmp_path: Path) -> None:
        arguments = refund_of("ord_0123456789abcdef", "--ask-account")
        status, _, err = await operate(stack, *arguments)
        assert (status, "needs a terminal" in err) == (1, True)
        status, _, err = await operate(stack, *arguments, "--account", "-")
        assert (status, "not both" in err) == (1, True)
        gone = refund_of("ord_0123456789abcdef", "--account", tmp_path / "gone.json")
        status, _, err = await operate(stack, *gone)
        assert (status, "No such file" in err) == (1, True)
