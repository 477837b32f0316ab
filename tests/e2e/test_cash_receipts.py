"""Cash receipts of transfers at every gateway that issues them: one for each order, over the money
that it holds, whatever is lost or refunded on the way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.gateways import PORTONE_V1, PORTONE_V2, TOSS
from tests.support.receipt_desks import BUSINESS, ISSUERS, PHONE, ReceiptDesk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.refund_desks import RefundDesk

pytestmark = pytest.mark.parametrize("gateway", ISSUERS, ids=lambda each: each.name, indirect=True)
ASKED = {"type": "income_deduction", "number": "010-2345-6789"}
PRICE, PART = 5000, 2000
_PATHS = {
    PORTONE_V2.name: {"issue": "/cash-receipts", "cancel": "/cash-receipt/cancel"},
    TOSS.name: {"issue": "/v1/cash-receipts", "cancel": "/cancel"},
}


@pytest_asyncio.fixture
async def desk(refund_desk: RefundDesk) -> AsyncIterator[ReceiptDesk]:
    desk = ReceiptDesk(refund_desk)
    change = "update coinslot.settings set cash_receipts = %s returning 1"
    desk.shop.select(change, "on_request")
    yield desk
    desk.shop.select(change, "off")


async def accepted(desk: ReceiptDesk, order_id: str) -> None:
    await desk.work()
    receipt = await desk.until(order_id, "in_progress")
    assert (receipt["amount"], receipt["issued_at"]) == (PRICE, None)
    assert await desk.at_gateway(order_id) == [(PRICE, PHONE)]


async def test_is_issued_once_the_tax_office_has_had_its_time(desk: ReceiptDesk) -> None:
    order_id = await desk.bought(ASKED)
    await accepted(desk, order_id)
    async with desk.a_day_later():
        desk.pass_days(order_id)
        receipt = await desk.until(order_id, "issued")
    assert receipt["issue_number"].startswith("G")
    assert receipt["next_try_at"] is None
    assert await desk.issues(order_id) == 1


async def test_is_asked_for_only_when_the_order_is_paid(desk: ReceiptDesk) -> None:
    order_id = str((await desk.order(ASKED)).json()["orderId"])
    await desk.work()
    assert desk.receipt(order_id)["status"] == "requested"
    assert desk.receipt(order_id)["attempt"] == 0
    await desk.pay(order_id)
    await accepted(desk, order_id)


async def lose(desk: ReceiptDesk, order_id: str, call: str, kind: str = "drop_after") -> None:
    """The answer to the call is lost after it took effect; at Toss, which is asked the same again,
    twice."""
    play = desk.shop.play
    if desk.gateway == PORTONE_V1.name:
        await play("receipt_plan", "PUT", lost=1)
    else:
        times = 2 if desk.gateway == TOSS.name else 1
        fault = {"kind": kind, "next": times, "path": _PATHS[desk.gateway][call]}
        await play("faults", "PUT", faults=[fault])
    for _ in range(4):
        desk.pass_days(order_id, 0)
        await desk.work()
    assert (await play("faults", "GET"))["faults"] == []


@pytest.mark.parametrize("kind", ["drop_after", "error_after", "malformed"])
async def test_lost_answer_issues_no_second_one(desk: ReceiptDesk, kind: str) -> None:
    order_id = str((await desk.order(ASKED)).json()["orderId"])
    await desk.pay(order_id)
    await lose(desk, order_id, "issue", kind)
    await desk.until(order_id, "in_progress")
    assert await desk.at_gateway(order_id) == [(PRICE, PHONE)]
    assert await desk.issues(order_id) == 1


async def test_servers_at_once_issue_one(desk: ReceiptDesk) -> None:
    order_ids = [await desk.bought(ASKED) for _ in range(3)]
    await asyncio.gather(*(desk.work() for _ in range(6)))
    for order_id in order_ids:
        await desk.until(order_id, "in_progress")
        assert await desk.issues(order_id) == 1


async def test_full_refund_cancels_it(desk: ReceiptDesk) -> None:
    order_id = await desk.bought(ASKED)
    await accepted(desk, order_id)
    await desk.refund(order_id)
    receipt = await desk.until(order_id, "cancelled")
    assert (receipt["amount"], await desk.at_gateway(order_id)) == (0, [])
    async with desk.a_day_later():
        desk.pass_days(order_id)
        await desk.work()
        receipt = await desk.until(order_id, "cancelled")
    assert receipt["next_try_at"] is None


async def test_partial_refunds_leave_one_over_the_rest(desk: ReceiptDesk) -> None:
    order_id = await desk.bought(ASKED)
    await accepted(desk, order_id)
    for left in (PRICE - PART, PRICE - 2 * PART):
        await desk.refund(order_id, PART)
        receipt = await desk.until(order_id, "in_progress")
        assert (receipt["amount"], receipt["asked"]) == (left, None)
        assert await desk.at_gateway(order_id) == [(left, PHONE)]
    async with desk.a_day_later():
        desk.pass_days(order_id)
        assert (await desk.until(order_id, "issued"))["amount"] == PRICE - 2 * PART


async def test_lost_answer_to_a_cancel_takes_nothing_twice(desk: ReceiptDesk) -> None:
    order_id = await desk.bought(ASKED)
    await accepted(desk, order_id)
    await desk.refund(order_id, PART)
    await lose(desk, order_id, "cancel")
    await desk.until(order_id, "in_progress")
    assert await desk.at_gateway(order_id) == [(PRICE - PART, PHONE)]


async def test_refund_before_it_was_asked_for_issues_none(desk: ReceiptDesk) -> None:
    order_id = await desk.bought()
    await desk.refund(order_id)
    await desk.work()
    answer = await desk.shop.http.post(
        f"{desk.shop.stack.api_url}/rest/v1/rpc/request_token_cash_receipt",
        json={"order_id": order_id, "kind": "income_deduction", "number": PHONE},
        headers=desk.shop.stack.headers(desk.shop.buyer),
    )
    assert answer.json()["message"] == "no_cash_receipt"
    assert '"over"' in answer.json()["details"]
    assert await desk.issues(order_id) == 0


async def test_number_is_shown_masked_and_purged(desk: ReceiptDesk) -> None:
    order_id = await desk.bought({"type": "expenditure_proof", "number": "123-45-67891"})
    await desk.until(order_id, "in_progress")
    assert await desk.at_gateway(order_id) == [(PRICE, BUSINESS)]
    [shown] = (
        await desk.shop.http.get(
            f"{desk.shop.stack.api_url}/rest/v1/token_cash_receipts",
            headers=desk.shop.stack.headers(desk.shop.buyer),
        )
    ).json()
    assert (shown["number"], shown["kind"]) == ("******7891", "expenditure_proof")
    listed = await desk.shop.rpc("list_token_cash_receipts", desk.refund_desk.operator)
    [line] = [each for each in listed["items"] if each["order_id"] == order_id]
    assert line["number"] == "******7891"
    assert BUSINESS not in str(shown) + str(line) + str(desk.receipt(order_id))
    async with desk.a_day_later():
        desk.pass_days(order_id)
        await desk.until(order_id, "issued")
    assert desk.numbers(order_id) == [BUSINESS]
    desk.shop.select(
        "update coinslot.cash_receipts set updated_at = updated_at - interval '91 days' "
        "where number = %s returning 1",
        shown["number"],
    )
    desk.shop.select("select coinslot.run_maintenance(500)")
    assert desk.numbers(order_id) == []


async def test_number_that_cannot_be_one_is_refused(desk: ReceiptDesk) -> None:
    """No gateway checks it: it would be refused by the tax office a day later."""
    for asked in (
        {"type": "expenditure_proof", "number": "1234567890"},
        {"type": "income_deduction", "number": "0212345678"},
        {"type": "income_deduction", "number": "0100001234"},
    ):
        answer = await desk.order(asked)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_argument")


async def test_unasked_by_the_sellers_setting(desk: ReceiptDesk) -> None:
    desk.shop.select(
        "update coinslot.settings set cash_receipts = 'always', cash_receipts_from = 5000 "
        "returning 1"
    )
    order_id = await desk.bought()
    receipt = await desk.until(order_id, "in_progress")
    assert (receipt["kind"], receipt["number"]) == ("self_issued", None)
    assert await desk.at_gateway(order_id) == [(PRICE, "0100001234")]


async def test_card_has_none(desk: ReceiptDesk) -> None:
    order_id = str((await desk.order(ASKED)).json()["orderId"])
    await desk.pay(order_id, method=None)
    receipt = await desk.until(order_id, "cancelled")
    assert (receipt["failure_code"], await desk.issues(order_id)) == ("not_cash", 0)
