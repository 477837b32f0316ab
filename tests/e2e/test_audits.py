"""The audit: every gateway's own list against ours."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from coinslot.errors import GatewayUnavailable
from coinslot.gateways import http
from coinslot.services import opened
from tests.support.checkouts import Checkout, at_one, only_at
from tests.support.commands import operate
from tests.support.gateways import PORTONE_V1, PORTONE_V2, STRIPE
from tests.support.sizes import sized

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coinslot.database.audit_records import AuditLine
    from coinslot.services import Services
    from tests.support.stacks import LocalStack


@dataclass(frozen=True)
class Auditor:
    """A till, and the audit of what happens at it from now on."""

    checkout: Checkout
    services: Services
    since: datetime

    async def audit(self) -> dict[str, AuditLine]:
        """The lines by payment key."""
        until = datetime.now(UTC) + timedelta(seconds=2)
        audit = await self.services.audits.audit(
            self.checkout.driver.gateway, self.since, until, again=True
        )
        assert audit
        return {line.payment_key: line async for line in self.services.audits.report(audit.id)}


@pytest_asyncio.fixture
async def auditor(checkout: Checkout, stack: LocalStack) -> AsyncIterator[Auditor]:
    async with opened(checkout.settings()) as services:
        yield Auditor(checkout, services, datetime.now(UTC) - timedelta(seconds=1))


async def test_what_agrees(auditor: Auditor) -> None:
    _, whole = await auditor.checkout.bought()
    _, refunded = await auditor.checkout.bought()
    await auditor.checkout.shop.play("refund", payment_key=refunded)
    lines = await auditor.audit()
    price = auditor.checkout.driver.price
    assert (lines[whole].verdict, lines[whole].paid, lines[whole].tokens) == ("matched", price, 10)
    assert (lines[refunded].verdict, lines[refunded].our_refunded) == ("matched", price)
    assert lines[refunded].tokens == 0


async def test_what_nobody_told_us_of_is_applied(auditor: Auditor) -> None:
    order_id = await auditor.checkout.order()
    key = await auditor.checkout.pay(order_id)
    assert (await auditor.audit())[key].verdict == "matched"
    assert auditor.checkout.shop.row(order_id)["status"] == "completed"


@asynccontextmanager
async def webhooks_lost(auditor: Auditor) -> AsyncIterator[None]:
    """For good: they go where nobody is."""
    shop = auditor.checkout.shop
    before = await shop.play("settings", "GET")
    await shop.play("settings", "PUT", url="http://127.0.0.1:9/lost", retries=0)
    try:
        yield
    finally:
        await shop.play("settings", "PUT", **before)


async def test_refund_whose_webhook_never_comes_is_seen_by_the_audit_of_its_day(
    auditor: Auditor,
) -> None:
    """Of a payment that was audited, and is due for no read any more."""
    shop = auditor.checkout.shop
    order_id, key = await auditor.checkout.bought()
    begin = datetime.now(UTC) + timedelta(seconds=1.5)
    await asyncio.sleep(1.6)
    async with webhooks_lost(auditor):
        await shop.play("refund", payment_key=key)
    assert shop.row(order_id)["status"] == "completed"
    lines = await Auditor(auditor.checkout, auditor.services, begin).audit()
    assert lines[key].verdict == "matched"
    assert shop.row(order_id)["status"] == "refunded"


@only_at(*sized((STRIPE,), proofs=(STRIPE, PORTONE_V2)))
async def test_lost_dispute_whose_webhook_never_comes_is_seen(auditor: Auditor) -> None:
    """At the gateways that tell of disputes."""
    shop = auditor.checkout.shop
    order_id, key = await auditor.checkout.bought()
    opened = "needs_response" if auditor.checkout.driver is STRIPE else "created"
    async with webhooks_lost(auditor):
        for status in (opened, "lost"):
            await shop.play("dispute", payment_key=key, status=status)
    assert (await auditor.audit())[key].verdict == "matched"
    assert shop.row(order_id)["status"] == "charged_back"


@only_at(PORTONE_V1)
async def test_odd_row_hides_no_lost_payment_and_leaves_the_window_unfinished(
    auditor: Auditor,
) -> None:
    """Another shop's payment in a currency that nobody knows, beside one whose webhook was lost."""
    shop, days = auditor.checkout.shop, timedelta(days=1)
    other = await shop.play("pay", order_id="shop-1", amount=700, force=True, webhook="none")
    odd = other["imp_uid"]
    await shop.play(f"payments/{odd}", "PATCH", currency="MUSD")
    order_id = await auditor.checkout.order()
    await auditor.checkout.pay(order_id)
    window = (auditor.since.date() - days, auditor.since.date() + 2 * days)
    status, _, err = await operate(shop.stack, "audit", "portone", *window)
    assert status == 1
    assert "1 rows cannot be read: the window is not finished" in err
    assert odd in err
    assert shop.row(order_id)["status"] == "completed"
    [(finished_at,)] = shop.select(
        "select finished_at from coinslot.audits where gateway = 'portone' "
        "order by started_at desc limit 1"
    )
    assert finished_at is None
    status, _, err = await operate(shop.stack, "audit", "portone", *window, "--accept-odd")
    assert "not finished" not in err
    await shop.play(f"payments/{odd}", "PATCH", currency="KRW")


@at_one(STRIPE)
async def test_what_the_gateway_does_not_know(auditor: Auditor) -> None:
    """A credit that no money stands behind, however it came about; shown once, and no more when an
    audit finds it."""
    shop = auditor.checkout.shop
    order_id, key = await auditor.checkout.bought()
    made_up = key[:-4] + ("0000" if key[-4:] != "0000" else "1111")
    shop.select(
        "update coinslot.payment_attempts set payment_key = %s where payment_key = %s returning 1",
        made_up,
        key,
    )
    lines = await auditor.audit()
    assert lines[made_up].verdict == "missing"
    assert "audit_missing" in shop.discrepancies(order_id)
    await auditor.audit()
    assert shop.discrepancies(order_id).count("audit_missing") == 1
    shop.select("delete from coinslot.payment_attempts where payment_key = %s returning 1", key)
    shop.select(
        "update coinslot.payment_attempts set payment_key = %s where payment_key = %s returning 1",
        key,
        made_up,
    )
    assert (await auditor.audit())[key].verdict == "matched"


async def test_gateway_fails_in_the_middle(auditor: Auditor) -> None:
    """It is asked again, and the audit goes on where it was."""
    _, key = await auditor.checkout.bought()
    await auditor.checkout.fail("error_before", next=2)
    assert (await auditor.audit())[key].verdict == "matched"


@at_one(STRIPE)
async def test_answer_that_is_no_list_leaves_the_day_to_be_done(
    auditor: Auditor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy before a gateway may say under HTTP 200 that it is closed."""
    monkeypatch.setattr(http, "PATIENT_ATTEMPTS", 1)
    key = await auditor.checkout.pay(await auditor.checkout.order())
    await auditor.checkout.fail("html")
    with pytest.raises(GatewayUnavailable):
        await auditor.audit()
    await auditor.checkout.fail(None)
    [(finished_at,)] = auditor.checkout.shop.select(
        "select finished_at from coinslot.audits where gateway = %s order by id desc limit 1",
        auditor.checkout.driver.gateway,
    )
    assert finished_at is None
    assert (await auditor.audit())[key].verdict == "matched"


@at_one(STRIPE)
async def test_days_that_were_missed_are_made_up_for(auditor: Auditor) -> None:
    """By whichever server looks next; what is done is not done again."""

    def days() -> list[tuple[int, datetime | None]]:
        return auditor.checkout.shop.select(
            "select id, finished_at from coinslot.audits where gateway = %s "
            "and until = since + interval '1 day' order by since desc",
            auditor.checkout.driver.gateway,
        )

    await auditor.services.audits.daily()
    before = days()
    assert (len(before), [day for day in before if day[1] is None]) == (7, [])
    never, cut_short = before[2][0], before[4][0]
    auditor.checkout.shop.select("delete from coinslot.audits where id = %s returning 1", never)
    auditor.checkout.shop.select(
        "update coinslot.audits set finished_at = null, ended_at = null, "
        "started_at = now() - interval '2 hours' "
        "where id = %s returning 1",
        cut_short,
    )
    await auditor.services.audits.daily()
    after = days()
    assert (len(after), [day for day in after if day[1] is None]) == (7, [])
    assert [n for n, day in enumerate(after) if day not in before] == [2, 4]
