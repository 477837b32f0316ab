"""Answers that come late, twice or never, and what was kept from before them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.browser.test_purchases import deposits
from tests.browser.test_troubles import COMPLETE, refuse
from tests.browser.test_ways import TOLD

if TYPE_CHECKING:
    from playwright.async_api import Route

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper

REFUSED = '() => new Response(\'{"required": 12, "tokens": 5}\', {status: 402})'
GUARD = f"""() => {{
  const paywall = document.querySelector('coinslot-paywall')
  window.guarded ??= []
  guarded.push(paywall.guard({REFUSED}))
}}"""
BACK = "dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))"
"""The event of a page that is shown again as it was left."""


async def answers(person: Shopper) -> list[int]:
    """To all that was guarded."""
    statuses = "Promise.all(guarded).then((all) => all.map(({ status }) => status))"
    async with asyncio.timeout(60):
        found: list[int] = await person.page.evaluate(statuses)
    return found


class Held:
    """Answers that have been given and not delivered: `asked` and `let_go` say how far it is."""

    def __init__(self, *, first: bool = False) -> None:
        self.asked = asyncio.Event()
        self.let_go = asyncio.Event()
        self._first = first

    async def __call__(self, route: Route) -> None:
        if self._first:
            self.asked.set()
            await self.let_go.wait()
        answer = await route.fetch()
        self.asked.set()
        await self.let_go.wait()
        await route.fulfill(response=answer)


# ---- the history ----


@pytest.mark.proof
async def test_a_history_that_is_read_again_after_a_failure_is_shown_once(browse: Browse) -> None:
    person = await browse()
    person.expects("0 /rest/v1/token_ledger")
    await expect(person.history.locator(".entry")).to_have_count(1)
    await person.page.route("**/token_ledger?*", refuse)
    await person.history.evaluate("(history) => history.reload()")
    await person.page.unroute("**/token_ledger?*")
    await person.history.get_by_role("button", name="Try again").click()
    await expect(person.history.locator("ol[aria-busy=false]")).to_be_visible()
    await expect(person.history.locator(".entry")).to_have_count(1)


@pytest.mark.proof
async def test_a_page_of_the_history_that_fails_leaves_no_gap(browse: Browse) -> None:
    person = await browse()
    person.expects("0 /rest/v1/token_ledger")
    for turn in range(40):
        await person.shop.rpc(
            "add_tokens", user_id=person.shop.buyer.id, amount=1, idempotency_key=str(turn)
        )
    for _ in range(2):
        await person.shop.rpc(
            "create_token_order", person.shop.buyer, product_id="starter", gateway="toss"
        )
    await person.page.route("**/token_ledger?*seq=lt*", refuse)
    await person.history.evaluate("(history) => history.reload()")
    await person.history.locator(".end").scroll_into_view_if_needed()
    await expect(person.history).to_contain_text("We couldn’t load your activity.")
    await person.page.unroute("**/token_ledger?*seq=lt*")
    await person.history.get_by_role("button", name="Try again").click()
    await expect(person.history).to_contain_text("Welcome bonus")
    await expect(person.history.locator(".entry")).to_have_count(43)


# ---- the paywall ----


async def test_two_that_wait_for_tokens_are_both_answered(browse: Browse) -> None:
    person = await browse()
    await person.page.evaluate(GUARD)
    await person.page.evaluate(GUARD)
    await expect(person.paywall).to_contain_text("12 needed · you have 5")
    both = asyncio.create_task(answers(person))
    while not both.done():  # the second may open it once more
        await person.page.keyboard.press("Escape")
        await asyncio.sleep(0.1)
    assert both.result() == [402, 402]


async def test_a_paywall_that_is_moved_stays_and_one_that_is_removed_answers(
    browse: Browse,
) -> None:
    person = await browse()
    await person.page.evaluate(GUARD)
    await expect(person.paywall.locator("dialog")).to_be_visible()
    await person.paywall.evaluate("(paywall) => document.body.prepend(paywall)")
    await expect(person.paywall.locator("dialog")).to_be_visible()
    await person.paywall.evaluate("(paywall) => paywall.remove()")
    assert await answers(person) == [402]


async def test_the_paywall_tells_what_there_is_after_a_purchase_that_was_too_small(
    browse: Browse,
) -> None:
    person = await browse()
    refused = REFUSED.replace("12", "50")
    await person.page.evaluate(GUARD.replace(REFUSED, refused))
    store = person.paywall.locator("coinslot-store")
    await person.choose("PortOne", store=store)
    await store.locator("#all-packs").click()
    await person.buy(store=store)
    await person.clicks("Pay ₩5,000")
    await expect(person.paywall).to_contain_text("50 needed · you have 15")


async def test_a_refusal_that_was_read_already_opens_the_paywall(browse: Browse) -> None:
    person = await browse()
    await person.page.evaluate(
        """() => {
          const action = async () => {
            const refused = new Response('{"required": 12}', {status: 402})
            await refused.json()
            return refused
          }
          document.querySelector('coinslot-paywall').guard(action)
        }"""
    )
    await expect(person.paywall).to_contain_text("Top up to continue")


async def test_the_paywall_is_in_front_again_after_the_back_button(browse: Browse) -> None:
    person = await browse()
    person.expects("400 /api/payments/complete")
    await person.page.evaluate(GUARD)
    store = person.paywall.locator("coinslot-store")
    await person.choose("PortOne", store=store)
    await person.buy(store=store)
    await expect(person.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    await person.page.evaluate(BACK)
    await expect(person.paywall.locator("dialog:modal")).to_be_visible()


# ---- the store ----


@pytest.mark.proof
async def test_a_purchase_that_is_found_twice_is_told_once(browse: Browse) -> None:
    buyer = await browse()
    await buyer.choose("PortOne")
    await buyer.buy()
    await expect(buyer.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    await buyer.shop.pay(buyer.order_id())
    held = Held(first=True)
    await buyer.page.route(COMPLETE, held)
    await buyer.opens()
    await buyer.page.evaluate(
        """() => {
          window.bought = 0
          document.addEventListener('coinslot-purchased', () => (bought += 1))
        }"""
    )
    await held.asked.wait()
    held.asked.clear()
    await buyer.page.evaluate(BACK)
    await held.asked.wait()
    held.let_go.set()
    await buyer.told("10 tokens added")
    await buyer.has(15)
    await buyer.has_shown_it()
    assert await buyer.page.evaluate("bought") == 1


@pytest.mark.proof
async def test_a_store_that_is_moved_goes_on_waiting_for_the_deposit(browse: Browse) -> None:
    buyer = await browse()
    await buyer.choose("PortOne", "Virtual account")
    await buyer.buy()
    await buyer.clicks("Get a virtual account")
    await buyer.told("Transfer ₩5,000 by")
    await buyer.store.evaluate("(store) => store.parentNode.append(store)")
    await buyer.told("Transfer ₩5,000 by")
    await deposits(buyer)
    await buyer.told("10 tokens added")


async def test_what_is_on_sale_is_what_was_asked_for_last(browse: Browse) -> None:
    buyer = await browse()
    offers = "**/rest/v1/token_offers?*"
    held = Held()
    await buyer.page.route(offers, held, times=1)
    await buyer.store.evaluate("(store) => void store.open()")
    await held.asked.wait()
    await buyer.page.route(
        offers, lambda route: route.fulfill(json=[], headers={"access-control-allow-origin": "*"})
    )
    await buyer.store.evaluate("(store) => store.open()")
    await expect(buyer.store).to_contain_text("Nothing’s for sale right now.")
    async with buyer.page.expect_response(offers):
        held.let_go.set()
    await buyer.has_shown_it()
    await expect(buyer.store).to_contain_text("Nothing’s for sale right now.")


@pytest.mark.proof
async def test_who_signs_in_before_the_packs_are_there_hears_of_an_open_order(
    browse: Browse,
) -> None:
    buyer = await browse()
    await buyer.choose("Toss Payments")
    await buyer.buy()
    await expect(buyer.window.get_by_role("button", name="Pay ₩5,000")).to_be_visible()
    page = buyer.page
    await page.goto(f"{buyer.url}/payment/fail")
    await page.evaluate("localStorage.removeItem('sb-127-auth-token')")
    # A page that was written without its packs asks for them.
    config = (await buyer.shop.http.get(f"{buyer.url}/store/config")).json()
    await page.add_init_script(f"{{{TOLD % json.dumps({**config, 'offers': None})}}}")
    held = Held()
    await page.route("**/rest/v1/token_offers?*", held)
    await page.goto(f"{buyer.url}/store")
    await held.asked.wait()
    await buyer.signs_in(buyer.shop.buyer.email)
    await expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    held.let_go.set()
    await buyer.told("Finish your payment?")


async def test_what_ends_soon_is_asked_in_the_name_of_whose_balance_it_was(browse: Browse) -> None:
    """Also where they are signed out before the balance is there."""
    buyer = await browse()
    page = buyer.page
    held = Held()
    await page.route("**/rpc/get_user_tokens", held)
    await page.reload()
    await held.asked.wait()
    await page.evaluate("localStorage.removeItem('sb-127-auth-token')")
    async with page.expect_response("**/rpc/list_token_lots?*") as lots:
        held.let_go.set()
    assert (await lots.value).status == 200


async def test_a_refusal_of_any_shape_leaves_the_button_usable(browse: Browse) -> None:
    """A proxy in front of the sidecar has error codes of its own."""
    buyer = await browse()
    buyer.expects("403 /api/payments/checkout")
    await buyer.page.route(
        "**/api/payments/checkout", lambda route: route.fulfill(status=403, json={"code": 1020})
    )
    await buyer.choose("PortOne")
    await buyer.buy()
    await buyer.told("We couldn’t start the payment")
    await expect(buyer.pay_button()).not_to_have_attribute("aria-disabled", "true")
