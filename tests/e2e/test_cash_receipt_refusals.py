"""Cash receipts that a tax office or a payment company refuses, or that a gateway issues itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.gateways import PORTONE_V1, PORTONE_V2, TOSS
from tests.support.receipt_desks import BUSINESS, PHONE, ReceiptDesk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.gateways.driver import GatewayDriver
    from tests.support.refund_desks import RefundDesk

ASKED = {"type": "income_deduction", "number": PHONE}
PRICE, PART = 5000, 2000


def at(*drivers: GatewayDriver) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "gateway", drivers, ids=lambda each: each.name, indirect=True, scope="module"
    )


@pytest_asyncio.fixture
async def desk(refund_desk: RefundDesk) -> AsyncIterator[ReceiptDesk]:
    desk = ReceiptDesk(refund_desk)
    change = "update coinslot.settings set cash_receipts = %s returning 1"
    desk.shop.select(change, "on_request")
    yield desk
    desk.shop.select(change, "off")
    if desk.gateway != PORTONE_V2.name:
        await desk.shop.play("receipt_plan", "PUT")


async def refuse(desk: ReceiptDesk, order_id: str) -> None:
    """The tax office says no to what the gateway has accepted."""
    if desk.gateway == PORTONE_V2.name:
        await desk.shop.play("refuse_receipt", payment_id=order_id)


async def corrected(desk: ReceiptDesk, order_id: str) -> None:
    asked = {"order_id": order_id, "kind": "expenditure_proof", "number": BUSINESS}
    answer = await desk.shop.rpc("request_token_cash_receipt", desk.shop.buyer, **asked)
    assert answer["number"] == "******7891"


@at(TOSS, PORTONE_V2)
async def test_refused_two_days_later_and_corrected(desk: ReceiptDesk) -> None:
    if desk.gateway == TOSS.name:
        await desk.shop.play("receipt_plan", "PUT", issues=1)
    order_id = await desk.bought(ASKED)
    await desk.until(order_id, "in_progress")
    await refuse(desk, order_id)
    async with desk.a_day_later():
        desk.pass_days(order_id)
        receipt = await desk.until(order_id, "failed")
        assert receipt["failure_code"] in {"NTS_ERROR", "ISSUE_FAILED"}
        assert (receipt["amount"], receipt["next_try_at"]) == (0, None)
        assert await desk.at_gateway(order_id) == []
        await corrected(desk, order_id)
        await desk.until(order_id, "in_progress")
        assert await desk.at_gateway(order_id) == [(PRICE, BUSINESS)]
    assert await desk.issues(order_id) == 2


@at(TOSS, PORTONE_V2)
async def test_partial_refund_does_not_issue_a_refused_one_anew(desk: ReceiptDesk) -> None:
    if desk.gateway == TOSS.name:
        await desk.shop.play("receipt_plan", "PUT", issues=1)
    order_id = await desk.bought(ASKED)
    await desk.until(order_id, "in_progress")
    await refuse(desk, order_id)
    async with desk.a_day_later():
        desk.pass_days(order_id)
        await desk.until(order_id, "failed")
        await desk.refund(order_id, PART)
        await desk.work()
    assert desk.receipt(order_id)["status"] == "failed"
    assert await desk.issues(order_id) == 1


@at(TOSS)
async def test_refused_cancel_is_asked_for_again(desk: ReceiptDesk) -> None:
    """The tax office may not have had the receipt yet when the cancel came."""
    order_id = await desk.bought(ASKED)
    await desk.until(order_id, "in_progress")
    await desk.shop.play("receipt_plan", "PUT", cancels=1)
    await desk.refund(order_id)
    await desk.until(order_id, "cancelled")
    assert await desk.at_gateway(order_id) == []
    async with desk.a_day_later():
        desk.pass_days(order_id)
        await desk.work()
        await desk.shop.until(lambda: desk.receipt(order_id)["amount"] == PRICE)
        assert "[TSC]" in desk.receipt(order_id)["failure_message"]
        desk.pass_days(order_id, 1)
        await desk.until(order_id, "cancelled")
        assert desk.receipt(order_id)["amount"] == 0
        assert await desk.at_gateway(order_id) == []


@at(TOSS)
async def test_error_that_a_key_repeats_is_got_past(desk: ReceiptDesk) -> None:
    """Of an issue at once. Of a cancel, which nothing but the key guards, after most of a day."""
    await desk.shop.play("receipt_plan", "PUT", errors=1)
    order_id = await desk.bought(ASKED)
    await desk.until(order_id, "in_progress")
    assert await desk.issues(order_id) == 1
    await desk.shop.play("receipt_plan", "PUT", errors=1)
    await desk.refund(order_id, PART)
    for _ in range(4):
        desk.pass_days(order_id, 0)
        await desk.work()
    assert await desk.at_gateway(order_id) == [(PRICE, PHONE)]
    assert desk.receipt(order_id)["asked"] == PRICE - PART
    for _ in range(4):
        desk.pass_days(order_id, 0)
        await desk.work()
    await desk.until(order_id, "in_progress")
    assert await desk.at_gateway(order_id) == [(PRICE - PART, PHONE)]


@at(TOSS)
async def test_receipt_of_the_window_is_noted_and_not_asked_for(desk: ReceiptDesk) -> None:
    """Toss issues it with the payment, and enters each refund in it itself."""
    order_id = await desk.bought(ASKED, cash_receipt=PHONE)
    receipt = await desk.until(order_id, "issued")
    assert (receipt["by_gateway"], receipt["amount"]) == (True, PRICE)
    await desk.refund(order_id, PART)
    desk.pass_days(order_id, 0)
    assert (await desk.until(order_id, "in_progress"))["amount"] == PRICE - PART
    assert await desk.issues(order_id) == 0


@at(PORTONE_V1)
async def test_receipt_that_follows_the_payment_is_issued_anew(desk: ReceiptDesk) -> None:
    await desk.shop.play("receipt_plan", "PUT", follows=True)
    order_id = await desk.bought(ASKED)
    await desk.until(order_id, "in_progress")
    await desk.refund(order_id, PART)
    assert (await desk.until(order_id, "in_progress"))["amount"] == PRICE - PART
    assert await desk.at_gateway(order_id) == [(PRICE - PART, PHONE)]


@at(PORTONE_V1)
async def test_payment_company_without_receipts(desk: ReceiptDesk) -> None:
    await desk.shop.play("receipt_plan", "PUT", unsupported=True)
    order_id = await desk.bought(ASKED)
    receipt = await desk.until(order_id, "failed")
    assert (receipt["failure_code"], receipt["asked"]) == ("not_supported", None)


@at(PORTONE_V2)
async def test_rest_has_no_receipt_once_the_number_is_purged(desk: ReceiptDesk) -> None:
    """It would be issued anew, and there is nobody to name."""
    order_id = await desk.bought(ASKED)
    await desk.until(order_id, "in_progress")
    desk.shop.select("delete from coinslot.cash_receipt_numbers where true returning 1")
    await desk.refund(order_id, PART)
    receipt = await desk.until(order_id, "failed")
    assert (receipt["failure_code"], await desk.at_gateway(order_id)) == ("number_gone", [])
