"""The console's pages of subscriptions and of events out, over the real scheduler and sender."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.console import look
from tests.support.checkouts import Checkout
from tests.support.gateways import PORTONE_V1
from tests.support.receivers import receiver
from tests.support.refund_desks import operator_of
from tests.support.subscribers import PRICE, Subscriber

if TYPE_CHECKING:
    from playwright.async_api import Page

    from tests.browser.console import Console
    from tests.support.receivers import Receiver
    from tests.support.shop import Shop

LOOKS = (
    {"color_scheme": "light", "locale": "en-US", "viewport": {"width": 1280, "height": 844}},
    {"color_scheme": "dark", "locale": "ko-KR", "viewport": {"width": 390, "height": 844}},
)


@pytest_asyncio.fixture
async def subscriber(shop: Shop) -> Subscriber:
    subscriber = Subscriber(Checkout.at(PORTONE_V1, shop))
    await subscriber.prepare()
    await subscriber.subscribed()
    return subscriber


@pytest.mark.parametrize("options", LOOKS, ids=lambda each: each["locale"])
async def test_axe_finds_nothing_on_a_subscription_and_an_endpoint(
    enter: Console, shop: Shop, subscriber: Subscriber, options: dict[str, Any]
) -> None:
    page = await enter(**options)
    async with receiver() as there:
        endpoint = await _added(shop, there)
        await shop.bought()
        await there.until(lambda: "payment.completed" in there.types(shop.buyer.id))
        [(delivery,)] = shop.select(
            "select max(id) from coinslot.deliveries where endpoint_id = %s", endpoint
        )
        paths = ("subscriptions", f"subscriptions/{subscriber.id}", "events", f"events/{endpoint}")
        for path in (*paths, f"events/{endpoint}/{delivery}", f"customers/{shop.buyer.id}"):
            assert await look(page, path) == [], path
        _remove(shop, endpoint)


async def test_a_subscription_ends_with_its_period_and_a_period_is_refunded(
    enter: Console, shop: Shop, subscriber: Subscriber
) -> None:
    page = await enter(path="subscriptions")
    await page.get_by_role("link", name=shop.buyer.email).click()
    await expect(page.locator("h1")).to_contain_text("Active")
    await page.get_by_role("button", name="End subscription").click()
    dialog = page.locator("dialog#ask")
    await dialog.locator("select[name=reason]").select_option("requested_by_customer")
    await dialog.get_by_role("button", name="End subscription").click()
    await expect(page.locator("h1")).to_contain_text("Ends with its period")
    await expect(page.locator(".timeline")).to_contain_text("Subscription ended")
    shown = await subscriber.shown()
    assert (shown["status"], shown["cancel_at_end"]) == ("active", True)
    await page.get_by_role("button", name="Refund", exact=True).click()
    await dialog.locator("select[name=reason]").select_option("goodwill")
    await dialog.get_by_role("button", name=f"Refund ₩{PRICE:,}").click()
    await expect(dialog).to_be_hidden()
    rows = shop.select("select amount from coinslot.refunds where user_id = %s", shop.buyer.id)
    assert rows == [(PRICE,)]


async def test_an_endpoint_is_added_tried_switched_off_and_its_events_sent_again(
    enter: Console, shop: Shop
) -> None:
    page = await enter(path="events")
    dialog = page.locator("dialog#ask")
    async with receiver() as there:
        await page.get_by_role("button", name="Add endpoint").click()
        await dialog.locator("input[name=url]").fill(there.url)
        await dialog.locator("textarea[name=note]").fill("the app moved")
        await dialog.get_by_role("button", name="Add endpoint").click()
        secret = await page.locator(".page pre").inner_text()
        assert secret.startswith("whsec_")
        there.secrets.append(secret)
        await page.get_by_role("button", name="I have it").click()
        await expect(page.locator(".page pre")).to_have_count(0)
        [(endpoint,)] = shop.select(
            "select id::text from coinslot.endpoints where url = %s", there.url
        )
        await page.evaluate(f"location.hash = '#/events/{endpoint}'")
        await _pressed(page, "Send a test", "Send a test")
        await there.until(lambda: any(e["type"] == "endpoint.test" for e in there.verified))
        await shop.bought()
        await there.until(lambda: "payment.completed" in there.types(shop.buyer.id))
        await _pressed(page, "Switch off", "Switch off")
        await expect(page.locator("h1")).to_contain_text("Off")
        await expect(page.get_by_role("button", name="Replay")).to_have_count(0)
        await _pressed(page, "Switch on", "Switch on")
        await page.get_by_role("link", name="payment.completed").first.click()
        await expect(page.locator("pre").first).to_contain_text(shop.buyer.id)
        before = len(there.of(shop.buyer.id))
        await _pressed(page, "Replay", "Replay")
        await there.until(lambda: len(there.of(shop.buyer.id)) > before)
        assert there.forged == 0
        _remove(shop, endpoint)


@pytest.mark.parametrize("options", LOOKS, ids=lambda each: each["locale"])
async def test_mail_that_did_not_arrive_is_counted_and_listed(
    enter: Console, shop: Shop, options: dict[str, Any]
) -> None:
    shop.select(
        "insert into coinslot.mails (event_id, kind, user_id, state, attempts, code, answer,"
        " finished_at) select coinslot.emit('wallet.low', %s, '{}'), 'tokens_low', %s, 'refused',"
        " 1, 552, '5.2.2 <b>full</b> \u202efull', clock_timestamp() returning id",
        shop.buyer.id,
        shop.buyer.id,
    )
    page = await enter("finance", **options)
    need = page.locator(".need", has_text="메일" if options["locale"] == "ko-KR" else "mail")
    await expect(need).to_contain_text("1")
    await need.click()
    row = page.locator("tr", has_text="5.2.2")
    await expect(row).to_contain_text(f"{shop.buyer.email[0]}***@")
    await expect(row).to_contain_text("<b>full</b>")
    assert await look(page, "events") == []
    shop.select("delete from coinslot.mails where user_id = %s returning id", shop.buyer.id)


async def test_finance_sees_endpoints_and_nothing_to_do_with_them(
    enter: Console, shop: Shop
) -> None:
    async with receiver() as there:
        endpoint = await _added(shop, there)
        page = await enter("finance", f"events/{endpoint}")
        await expect(page.locator("h1")).to_contain_text(there.url)
        assert await page.locator(".heading button").count() == 0
        _remove(shop, endpoint)


async def test_a_setting_is_changed_for_a_reason_and_kept_with_what_was_before(
    enter: Console, shop: Shop
) -> None:
    [(before,)] = shop.select("select signup_bonus from coinslot.settings")
    page = await enter(path="settings")
    dialog = page.locator("dialog#ask")
    try:
        await page.get_by_role("button", name="Change: Tokens").click()
        await dialog.locator("input[name=signup_bonus]").fill("7")
        await dialog.locator("input[name=returned_lifetime]").fill("14")
        await expect(dialog.locator(".changes")).to_contain_text(f"{before} → 7")
        await expect(dialog.locator(".changes")).to_contain_text("7 days → 14 days")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("Say why")
        await dialog.locator("textarea[name=note]").fill("a campaign")
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog).to_be_hidden()
        [(bonus, days)] = shop.select(
            "select signup_bonus, returned_lifetime::text from coinslot.settings"
        )
        assert (bonus, days) == (7, "14 days")
        await page.evaluate("location.hash = '#/log?action=settings_changed'")
        await expect(page.locator("table")).to_contain_text("a campaign")
        await expect(page.locator("table")).to_contain_text(f"signup_bonus: {before} → 7")
    finally:
        shop.select(
            "update coinslot.settings set signup_bonus = %s, returned_lifetime = '7 days' "
            "returning 1",
            before,
        )


async def test_who_sells_and_what_a_contract_allows_is_set_by_owners_alone(
    enter: Console, shop: Shop
) -> None:
    page = await enter(path="settings")
    dialog = page.locator("dialog#ask")
    await page.get_by_role("button", name="Change: Seller").click()
    await dialog.locator("input[name=phone]").fill("02-123-4567")
    await dialog.locator("textarea[name=note]").fill("we moved")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden()
    await expect(page.locator(".page")).to_contain_text("02-123-4567")
    shop.select("select coinslot.set_seller('{\"phone\": null}', null, null, 'as before')")
    await page.get_by_role("button", name="Change: Stripe").click()
    await dialog.locator("select[name=unattended]").select_option("at_will")
    await dialog.locator("textarea[name=note]").fill("signed")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden()
    rows = shop.select("select unattended from coinslot.gateways where id = 'stripe'")
    assert rows == [("at_will",)]
    shop.select("select coinslot.set_unattended('stripe', 'periodic')")
    finance = await enter("finance", "settings")
    await expect(finance.locator("h1")).to_have_text("Settings")
    assert await finance.locator("main button").count() == 0


async def _pressed(page: Page, name: str, verb: str) -> None:
    await page.get_by_role("button", name=name, exact=True).click()
    dialog = page.locator("dialog#ask")
    await dialog.locator("textarea[name=note]").fill("because")
    await dialog.get_by_role("button", name=verb, exact=True).click()
    await expect(dialog).to_be_hidden()


async def _added(shop: Shop, there: Receiver) -> str:
    """The id of an endpoint that the sidecar tells of everything from now on."""
    token = operator_of(shop, "owner").token
    answer = await shop.http.post(
        f"{shop.sidecar}/endpoints",
        json={"url": there.url, "reason": "test"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 201, answer.text
    there.secrets.append(answer.json()["secret"])
    endpoint: str = answer.json()["endpoint"]["id"]
    return endpoint


def _remove(shop: Shop, endpoint: str) -> None:
    shop.select("select coinslot.switch_off(%s::uuid, 'operator')", endpoint)
