"""Mail on its way: from a payment to a mailbox on loopback, with a mail server's faults."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from coinslot.server.app import create_app
from tests.support.mailings import PUBLIC, hurry, mail_of, states
from tests.support.servers import running

if TYPE_CHECKING:
    from coinslot.services import Services
    from tests.support.mailboxes import Mailbox
    from tests.support.shop import Shop


async def test_a_receipt_and_a_refund_are_mailed_once(
    shop: Shop, post: tuple[Mailbox, Services]
) -> None:
    box, services = post
    order_id, imp_uid = await shop.bought()
    await services.mailings.send_due()
    (receipt,) = box.to(shop.buyer.email)
    told = receipt.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    for each in (order_id, "신한카드 •••• 5555", "00000000"):
        assert each in told
    assert receipt["List-Unsubscribe"] is None
    await shop.play("refund", payment_key=imp_uid, amount=1000)
    await shop.complete(order_id, imp_uid)
    await services.mailings.send_due()
    await services.mailings.send_due()
    assert len(box.to(shop.buyer.email)) == 2
    assert states(shop) == [("receipt", "sent"), ("refund", "sent")]


async def test_one_that_is_greylisted_comes_later(
    shop: Shop, post: tuple[Mailbox, Services]
) -> None:
    box, services = post
    box.at_rcpt = ["451 4.7.1 come again"]
    await shop.bought()
    await services.mailings.send_due()
    assert states(shop) == [("receipt", "pending")]
    hurry(shop)
    await services.mailings.send_due()
    assert len(box.to(shop.buyer.email)) == 1
    assert states(shop) == [("receipt", "sent")]


async def test_one_whose_answer_is_lost_is_sent_twice_at_most_and_is_one_mail(
    shop: Shop, post: tuple[Mailbox, Services]
) -> None:
    box, services = post
    box.lose = 5
    await shop.bought()
    for _ in range(4):
        await services.mailings.send_due()
        hurry(shop)
    mails = box.to(shop.buyer.email)
    assert len(mails) == 2
    assert len({each["Message-ID"] for each in mails}) == 1
    assert states(shop) == [("receipt", "unknown")]


async def test_an_address_of_nobody_gets_nothing_more(
    shop: Shop, post: tuple[Mailbox, Services]
) -> None:
    box, services = post
    box.at_rcpt = ["550 5.1.1 no such user"]
    await shop.bought()
    await services.mailings.send_due()
    await shop.bought()
    await services.mailings.send_due()
    assert box.to(shop.buyer.email) == []
    assert states(shop) == [("receipt", "refused"), ("receipt", "nobody")]


async def test_a_link_of_a_mail_ends_its_kind(shop: Shop, post: tuple[Mailbox, Services]) -> None:
    """As a mailbox does it: a POST without a cookie. A GET, as of a scanner, ends nothing."""
    box, services = post
    emit = "select coinslot.emit('wallet.low', %s, '{\"tokens\": 3, \"mark\": 5}')"
    shop.select(emit, shop.buyer.id)
    await services.mailings.send_due()
    (mail,) = box.to(shop.buyer.email)
    path = mail["List-Unsubscribe"].strip("<>").removeprefix(PUBLIC)
    async with running(create_app(mail_of(shop, box), loops=False)) as url:
        assert (await shop.http.get(f"{url}{path}")).status_code == 200
        wanted = await shop.rpc("list_token_mails", shop.buyer)
        assert {"kind": "tokens_low", "wanted": True} in wanted
        stopped = await shop.http.post(
            f"{url}{path}", data={"List-Unsubscribe": "One-Click"}, follow_redirects=False
        )
        assert stopped.status_code == 200
        assert (await shop.http.post(f"{url}{path[:-1]}-")).status_code == 200
        assert (await shop.http.post(f"{url}/mail/stop/x")).status_code == 404
    assert {"kind": "tokens_low", "wanted": False} in await shop.rpc("list_token_mails", shop.buyer)
    shop.select(emit, shop.buyer.id)
    await services.mailings.send_due()
    assert len(box.to(shop.buyer.email)) == 1


async def test_one_that_is_stopped_leaves_few_of_which_nobody_knows(
    shop: Shop, post: tuple[Mailbox, Services]
) -> None:
    """A mail that waits for a place is claimed by nobody: the next one sends it without a doubt."""
    box, services = post
    box.hold_s = 0.5
    emit = "select coinslot.emit('wallet.low', %s, '{\"tokens\": 3, \"mark\": 5}')"
    for _ in range(12):
        shop.select(emit, shop.buyer.id)
    sending = asyncio.create_task(services.mailings.send_due())
    async with asyncio.timeout(10):
        while len(box.kept) < 4:  # noqa: ASYNC110 - of another thread
            await asyncio.sleep(0.02)
    [(claimed,)] = shop.select("select count(*) from coinslot.mails where in_flight")
    assert claimed == 4
    services.shutdown.begin()
    await sending
    kept = len(box.to(shop.buyer.email))
    assert kept == 4
    assert [state for _, state in states(shop)] == ["sent"] * 4 + ["pending"] * 8
