"""Several packs, codes and invitations, through the store as it is served."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from playwright.async_api import expect

from tests.browser.test_page import accessible
from tests.browser.test_ways import of_a_shop_that

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.browser.conftest import Browse
    from tests.support.shop import Shop

SOLD = """
select coinslot.set_product('party', 'Party Pack', '파티 팩', 2, prices => '{"KRW": 1000}'),
  coinslot.set_tiers('party', '{"5": 20}', ''),
  coinslot.set_promotion('half', '{"kind": "percent", "percent_off": 50, "active": true}', ''),
  coinslot.set_promotion('treat', '{"kind": "tokens", "tokens": 3, "active": true}', ''),
  coinslot.set_code('half', 'half', 9, true, ''), coinslot.set_code('treat', 'treat', 9, true, '')
"""
ORDERED = """
select quantity, promo_code, list_amount, amount, status from token_payments where user_id = %s
"""
REWARDED = """
update coinslot.settings set referral_reward = 20, referral_bonus = 10 returning referral_bonus
"""
AS_BEFORE = """
with rules as (update coinslot.promotions set active = false returning id),
  rewards as (update coinslot.settings set referral_reward = 0, referral_bonus = 0 returning id)
select count(*), coinslot.remove_product('party') from rules, rewards
"""


@contextmanager
def selling(shop: Shop) -> Iterator[None]:
    shop.select(SOLD)
    shop.select(REWARDED)
    try:
        yield
    finally:
        shop.select(AS_BEFORE)


def takes_codes(config: dict[str, Any]) -> None:
    """And reads what is on sale, whenever the page was written."""
    told = {"takesCodes": True, "maxQuantity": 100, "invitations": {"reward": 20, "bonus": 10}}
    config.update(told, offers=None)


async def test_several_packs_with_a_code_are_bought_at_the_price_that_is_shown(
    browse: Browse,
) -> None:
    buyer = await browse("phone")
    with selling(buyer.shop):
        await of_a_shop_that(buyer, takes_codes)
        await buyer.choose("PortOne")
        await buyer.pack("Party Pack").click()
        await buyer.store.get_by_role("radio", name="5 packs").check()
        await expect(buyer.pay_button()).to_have_text("Pay ₩4,000")
        await buyer.store.get_by_role("button", name="Have a code?").click()
        code = buyer.store.get_by_label("Promo code")
        await expect(code).to_be_focused()
        await code.fill("what-is-this")
        await code.press("Enter")
        await expect(buyer.store.locator("#code-said")).to_contain_text("don’t know this code")
        await accessible(buyer.page)
        await code.fill("treat")
        await code.press("Enter")
        await expect(buyer.store.locator("#code-said")).to_have_text(
            "3 tokens added to your balance."
        )
        await buyer.has(8)
        await code.fill(" ha-lf ")
        await code.press("Enter")
        await expect(buyer.pay_button()).to_have_text("Pay ₩2,000")
        await accessible(buyer.page)
        await buyer.pay_button().click()
        await buyer.clicks("Pay ₩2,000")
        await buyer.told("10 tokens added")
        await buyer.back_in_the_store()
        await buyer.has(18)
        ordered = buyer.shop.select(ORDERED, buyer.shop.buyer.id)
        assert ordered == [(5, "HALF", 5000, 2000, "completed")]


async def test_a_paywall_has_several_packs_and_codes_as_well(browse: Browse) -> None:
    """The sum is told with how it came about where it is no pack's price."""
    buyer = await browse("phone")
    await buyer.shop.rpc(
        "spend_tokens", buyer.shop.buyer, amount=5, idempotency_key="all", reason="before"
    )
    with selling(buyer.shop):
        await of_a_shop_that(buyer, takes_codes)
        buyer.expects("402 /functions/v1/answer")
        await buyer.asks("Shall I move?", "Get a full answer")
        store = buyer.paywall.locator("coinslot-store")
        await buyer.choose("PortOne", store=store)
        await buyer.pack("Party Pack", store).click()
        pay = buyer.pay_button(store)
        await expect(pay).to_have_text("Pay ₩1,000 and continue")
        await expect(store.locator(".summary")).to_be_hidden()
        await store.get_by_role("radio", name="5 packs").check()
        await expect(pay).to_have_text("Pay ₩4,000 and continue")
        await expect(store.locator(".summary")).to_contain_text("Volume discount")
        await store.get_by_role("button", name="Have a code?").click()
        await store.get_by_label("Promo code").fill("half")
        await store.get_by_label("Promo code").press("Enter")
        await expect(pay).to_have_text("Pay ₩2,000 and continue")
        await expect(store.locator(".summary")).to_contain_text("Code HALF")
        await accessible(buyer.page)
        await pay.click()
        await buyer.clicks("Pay ₩2,000")
        await buyer.told("10 tokens added")
        ordered = buyer.shop.select(ORDERED, buyer.shop.buyer.id)
        assert ordered == [(5, "HALF", 5000, 2000, "completed")]


async def test_a_code_for_tokens_takes_a_paywall_away(browse: Browse) -> None:
    """The action goes on as after a purchase."""
    buyer = await browse()
    await buyer.shop.rpc(
        "spend_tokens", buyer.shop.buyer, amount=5, idempotency_key="all", reason="before"
    )
    buyer.expects("402 /functions/v1/answer")
    with selling(buyer.shop):
        await of_a_shop_that(buyer, takes_codes)
        await buyer.asks("Shall I move?", "Get a full answer")
        store = buyer.paywall.locator("coinslot-store")
        await store.get_by_role("button", name="Have a code?").click()
        await store.get_by_label("Promo code").fill("treat")
        await store.get_by_label("Promo code").press("Enter")
        await expect(buyer.reply).to_contain_text("it depends")
        await expect(buyer.paywall.get_by_role("dialog")).to_be_hidden()
        await buyer.has(3 - 2)
        assert buyer.orders() == []


async def test_who_comes_by_a_link_accepts_an_invitation(browse: Browse) -> None:
    host = await browse()
    with selling(host.shop):
        await of_a_shop_that(host, takes_codes)
        await host.page.locator("#invite").click()
        invitation = host.page.locator("coinslot-invitation")
        await expect(invitation.get_by_role("heading", name="Share your code")).to_be_visible()
        code = await invitation.locator(".own b").inner_text()
        assert re.fullmatch(r"[A-Z0-9]{10}", code)
        await accessible(host.page)
        guest = await browse("phone", locale="ko-KR")
        await guest.page.goto(f"{guest.url}/store/invite?code={code}")
        invited = guest.page.locator("coinslot-invitation")
        await accessible(guest.page)
        await invited.get_by_role("button", name="초대 받기").click()
        await expect(invited.get_by_role("status")).to_have_text(
            "초대를 받았어요. 처음 결제하면 토큰을 드려요."
        )
        await host.page.reload()
        await expect(invitation.locator("dl div").first).to_have_text(re.compile(r"Invited\s*1"))
