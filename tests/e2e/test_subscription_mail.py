"""Mail of subscriptions and top-ups, from what a gateway says to a mailbox on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.support.checkouts import sidecar_for
from tests.support.gateways import TOSS
from tests.support.mailings import states
from tests.support.subscribers import PRICE, Subscriber

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coinslot.services import Services
    from tests.support.checkouts import Checkout
    from tests.support.gateways.driver import GatewayDriver
    from tests.support.mailboxes import Mailbox
    from tests.support.stacks import LocalStack

Post = tuple["Mailbox", "Services"]


@pytest_asyncio.fixture(scope="module")
async def gateway(stack: LocalStack) -> AsyncIterator[GatewayDriver]:
    """One is enough: what it says of a charge is the same with all."""
    async with sidecar_for(TOSS, stack):
        yield TOSS


@pytest_asyncio.fixture
async def subscriber(checkout: Checkout, post: Post) -> AsyncIterator[Subscriber]:
    """Somebody in Korea who has subscribed, and has got the receipt for that."""
    _, services = post
    korean = "update public.profiles set locale = 'ko' where id = %s returning id"
    checkout.shop.select(korean, checkout.shop.buyer.id)
    subscriber = Subscriber(checkout)
    await subscriber.prepare()
    await subscriber.subscribed()
    await services.mailings.send_due()
    assert states(checkout.shop) == [("receipt", "sent")]
    yield subscriber


async def last_mail(subscriber: Subscriber, post: Post) -> str:
    """The only one that was sent since the mailbox was emptied, as text."""
    box, services = post
    box.kept.clear()
    await services.mailings.send_due()
    await services.mailings.send_due()
    (mail,) = box.to(subscriber.checkout.shop.buyer.email)
    assert mail["List-Unsubscribe"] is None
    text: str = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    return text


async def test_a_renewal_is_told_ahead_and_its_charge_has_one_mail(
    subscriber: Subscriber, post: Post
) -> None:
    shop = subscriber.checkout.shop
    shop.select(
        "update token_subscriptions set next_charge_at = now() + interval '2 days' where id = %s"
        " returning id",
        subscriber.id,
    )
    shop.select("update coinslot.event_walks set at = now() where name = 'renewals' returning at")
    await shop.rpc("coinslot_run_maintenance")
    text = await last_mail(subscriber, post)
    assert f"{PRICE:,}원" in text
    assert "플러스 구독이 곧 결제됩니다" in text
    card = (await subscriber.shown())["method"]
    assert f"{card['brand']} {card['last_four']}" in text
    subscriber.over()
    await subscriber.charged()
    assert "플러스 결제가 완료되었습니다" in await last_mail(subscriber, post)
    kinds = [kind for kind, _ in states(shop)]
    assert kinds == ["receipt", "subscription_renewal", "receipt"]


async def test_declines_are_mailed_at_first_and_for_another_card_and_then_the_end(
    subscriber: Subscriber, post: Post
) -> None:
    shop = subscriber.checkout.shop
    await subscriber.plan("soft", "soft", "hard")
    subscriber.over()
    await subscriber.charged()
    text = await last_mail(subscriber, post)
    assert "결제되지 않았습니다" in text
    assert "다시 결제합니다" in text
    subscriber.due()
    await subscriber.charged()
    assert [kind for kind, _ in states(shop)] == ["receipt", "subscription_failed"]
    subscriber.due()
    await subscriber.charged()
    assert "다른 결제 수단으로 바꾸시면" in await last_mail(subscriber, post)
    await shop.rpc("cancel_token_subscription", shop.buyer, subscription_id=subscriber.id)
    assert "해지하신 구독이 종료되었습니다" in await last_mail(subscriber, post)
    assert states(shop)[-1] == ("subscription_ended", "sent")


async def test_a_top_up_that_is_suspended(subscriber: Subscriber, post: Post) -> None:
    shop = subscriber.checkout.shop
    gateway = subscriber.checkout.driver.gateway
    await shop.rpc("coinslot_set_unattended", gateway=gateway, unattended="at_will")
    wish = {
        "product_id": "starter",
        "gateway": gateway,
        "currency": "KRW",
        "method_id": (await subscriber.shown())["method"]["id"],
        "threshold": 9,
        "monthly_cap": 5000,
    }
    await shop.rpc("set_token_top_up", shop.buyer, **wish)
    await shop.rpc(
        "spend_tokens", shop.buyer, amount=await shop.tokens() - 1, idempotency_key="all"
    )
    await subscriber.plan("hard")
    status = "select status from coinslot.top_ups where user_id = %s"
    await shop.until(lambda: shop.select(status, shop.buyer.id) == [("suspended",)], 120)
    text = await last_mail(subscriber, post)
    assert "자동 충전이 중지되었습니다" in text
    assert "결제가 거절되었습니다" in text
