"""The demo app: a question, an answer on a hold, and the paywall where tokens run out."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.shopper import on_both

if TYPE_CHECKING:
    from playwright.async_api import Locator, Route

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper


@on_both("phone")
async def test_a_question_costs_one_token_and_an_answer_two(browse: Browse, device: str) -> None:
    person = await browse(device)
    await person.asks("Will it rain?")
    await expect(person.reply).to_contain_text("“Will it rain?” is a good question.")
    await person.has(4)
    await person.asks("Shall I move?", "Get a full answer")
    await expect(person.reply).to_contain_text("it depends")
    await person.has(2)
    await expect(person.history).to_contain_text("Answer")


@pytest.mark.proof
async def test_nobody_pays_for_a_generation_that_fails(browse: Browse) -> None:
    person = await browse()
    person.expects("502 /functions/v1/answer")
    await person.page.get_by_label("Simulate a failure").check()
    await person.asks("Shall I move?", "Get a full answer")
    await expect(person.reply).to_contain_text("2 tokens are reserved")
    await expect(person.reply).to_contain_text("so your 2 tokens are back.")
    await person.has(5)
    assert entries(person) == ["signup_bonus"]
    await person.page.get_by_label("Simulate a failure").uncheck()
    await person.asks("Shall I move?", "Get a full answer")
    await expect(person.reply).to_contain_text("it depends")
    await person.has(3)


async def test_a_double_click_asks_once(browse: Browse) -> None:
    person = await browse()
    await person.page.get_by_label("What would you like to know?").fill("Twice?")
    await person.page.get_by_role("button", name=re.compile("^Ask")).dblclick()
    await expect(person.reply).to_contain_text("a good question")
    await person.has(4)


@pytest.mark.proof
async def test_the_same_answer_in_two_tabs_is_paid_for_once(browse: Browse) -> None:
    first = await browse()
    first.expects("409 /functions/v1/answer")
    second = await first.another_tab()
    for tab in (first, second):
        await tab.page.get_by_label("What would you like to know?").fill("The same?")
    for tab in (first, second):
        await tab.page.get_by_role("button", name=re.compile("^Get a full")).click()
    for tab in (first, second):
        await expect(tab.reply).to_contain_text(re.compile("it depends|already being written"))
    await first.has(3)
    await second.has(3)


async def test_a_lost_reply_is_asked_for_again_and_paid_for_once(browse: Browse) -> None:
    person = await browse()
    person.expects("0 /functions/v1/ask")

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort("connectionreset")

    await person.page.route("**/functions/v1/ask", lose, times=1)
    await person.asks("Still there?")
    await expect(person.reply).to_contain_text("Connection lost")
    await person.asks("Still there?")
    await expect(person.reply).to_contain_text("a good question")
    await person.has(4)


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, {"code": "unauthenticated"}, "Sign in and ask again"),
        pytest.param(403, {"code": "banned"}, "no extra tokens", marks=pytest.mark.proof),
        (429, {"message": "API rate limit exceeded"}, "no extra tokens"),
    ],
)
async def test_a_refusal_says_nothing_of_what_was_sent_before_it(
    browse: Browse, status: int, body: dict[str, str], told: str
) -> None:
    """The question was paid for, which nobody heard; then the same request does not get through."""
    person = await browse()
    person.expects("0 /functions/v1/ask", f"{status} /functions/v1/ask")

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort("connectionreset")

    async def refuse(route: Route) -> None:
        headers = {"access-control-allow-origin": "*"}
        await route.fulfill(status=status, json=body, headers=headers)

    for answer in (lose, refuse):
        await person.page.route("**/functions/v1/ask", answer, times=1)
        await person.asks("Still there?")
        await expect(person.reply).to_contain_text(re.compile("sk again"))
    await expect(person.reply).to_contain_text(told)
    await expect(person.reply).not_to_contain_text("No tokens were used")
    await person.asks("Something else?")
    await expect(person.reply).to_contain_text("“Something else?” is a good question")
    await person.asks("Still there?")
    await expect(person.reply).to_contain_text("“Still there?” is a good question")
    await person.has(3)


@pytest.mark.parametrize(
    ("gateway", "device"),
    [
        # In a window over the page, or in the page's place; always by another page; in the page.
        pytest.param("PortOne", "desktop", marks=pytest.mark.proof),
        pytest.param("PortOne", "phone", marks=pytest.mark.proof),
        ("Toss Payments", "phone"),
        ("Stripe", "desktop"),
    ],
)
async def test_the_paywall_sells_tokens_and_the_question_goes_on(
    browse: Browse, gateway: str, device: str
) -> None:
    """At gateways that leave the page for the payment, and at others."""
    person = await browse(device)
    store = await asks_without_tokens(person)
    await person.choose(gateway, store=store)
    await person.buy(store=store)
    if gateway == "Stripe":
        await person.pays_with("is paid", store=store)
    else:
        await person.clicks("Pay ₩5,000")
    if gateway == "Toss Payments" or (gateway, device) == ("PortOne", "phone"):
        await person.told("10 tokens added")
        await person.back_in_the_store()
    await expect(person.reply).to_contain_text("“And now?” is a good question.")
    await person.has(9)


async def test_a_balance_read_before_the_purchase_does_not_hold_it_up(browse: Browse) -> None:
    """Asked for as the gateway's window closes, and answered after the tokens have come."""
    person = await browse()
    store = await asks_without_tokens(person)
    await person.choose("PortOne", store=store)
    await person.buy(store=store)
    read, bought = asyncio.Event(), asyncio.Event()

    async def late(route: Route) -> None:
        answer = await route.fetch()
        read.set()
        await bought.wait()
        await route.fulfill(response=answer)

    await person.page.route("**/rpc/get_user_tokens", late, times=1)
    await person.page.evaluate("dispatchEvent(new Event('focus'))")
    await read.wait()
    await person.clicks("Pay ₩5,000")
    await expect(store).to_contain_text("10 tokens added")
    bought.set()
    await expect(person.reply).to_contain_text("“And now?” is a good question.")
    await person.has(9)


async def test_a_balance_that_cannot_be_read_does_not_hold_it_up(browse: Browse) -> None:
    person = await browse()
    person.expects("0 /rest/v1/rpc/get_user_tokens")
    store = await asks_without_tokens(person)
    await person.choose("PortOne", store=store)
    await person.buy(store=store)
    await person.page.evaluate("dispatchEvent(new Event('focus'))")
    await person.has(0)
    await person.page.route("**/rpc/get_user_tokens", lambda route: route.abort())
    await person.clicks("Pay ₩5,000")
    await expect(person.reply).to_contain_text("“And now?” is a good question.")
    await person.page.unroute("**/rpc/get_user_tokens")
    await person.page.evaluate("dispatchEvent(new Event('focus'))")
    await person.has(9)


async def test_a_paywall_that_is_closed_takes_nothing(browse: Browse) -> None:
    person = await browse()
    person.expects("402 /functions/v1/a*")
    await person.shop.rpc(
        "spend_tokens", person.shop.buyer, amount=4, idempotency_key="most", reason="before"
    )
    await person.asks("And now?", "Get a full answer")
    await expect(person.paywall).to_contain_text("2 needed · you have 1")
    await person.page.keyboard.press("Escape")
    await expect(person.reply).to_contain_text("You don’t have enough tokens. None were used.")
    await person.has(1)


async def asks_without_tokens(person: Shopper) -> Locator:
    """The store in the paywall that this opens."""
    person.expects("402 /functions/v1/ask")
    await person.shop.rpc(
        "spend_tokens", person.shop.buyer, amount=5, idempotency_key="all", reason="before"
    )
    await person.asks("And now?")
    await expect(person.paywall).to_contain_text("short")
    return person.paywall.locator("coinslot-store")


def entries(person: Shopper) -> list[str]:
    query = "select kind from token_ledger where user_id = %s order by seq"
    return [kind for (kind,) in person.shop.select(query, person.shop.buyer.id)]
