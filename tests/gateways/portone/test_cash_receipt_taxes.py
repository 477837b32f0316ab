"""The tax-free part of a cash receipt at PortOne, which is over what an order holds by now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import pytest

from coinslot.gateways.base import Order
from coinslot.gateways.cash_receipts import ReceiptStep
from coinslot.gateways.portone.v1.cash_receipts import V1CashReceipts
from coinslot.gateways.portone.v2.cash_receipts import V2CashReceipts

ORDER = Order("ord_1", "Starter", 10_000, "KRW", method="transfer")
EXEMPT = ReceiptStep(
    order=ORDER,
    payment_key="imp_1",
    kind="income_deduction",
    number="01023456789",
    amount=0,
    wanted=10_000,
    asked=10_000,
    tax_free=10_000,
    attempt=1,
    answers=0,
    tries=1,
    asked_on=(),
)
# An answer is lost, and money goes back, or comes back, before the same is asked again.
STEPS = [
    (EXEMPT, 10_000),
    (replace(EXEMPT, wanted=7_000), 7_000),
    (replace(EXEMPT, wanted=12_000), 12_000),
    (replace(EXEMPT, wanted=7_000, tax_free=3_333), 2_333),
    (replace(EXEMPT, wanted=7_000, tax_free=0), 0),
]


@pytest.mark.parametrize(("step", "tax_free"), STEPS)
async def test_v2_is_told_it_of_the_total_that_it_is_told(step: ReceiptStep, tax_free: int) -> None:
    asked: list[dict[str, Any]] = []

    async def call(
        method: str, _path: str, *, json: dict[str, Any] | None = None, **_given: object
    ) -> httpx.Response:
        if method == "GET":
            return httpx.Response(404, json={"type": "CASH_RECEIPT_NOT_FOUND"})
        asked.append(json or {})
        return httpx.Response(200, json={"cashReceipt": {"issueNumber": "G1"}})

    issuer = V2CashReceipts(call, store_id="store-1", channel=lambda _: "channel-1")
    told = await issuer.issue(step)
    assert (told.amount, asked[0]["amount"]) == (
        step.wanted,
        {"total": step.wanted, "taxFree": tax_free},
    )


@pytest.mark.parametrize(("step", "tax_free"), STEPS)
async def test_v1_is_told_it_of_what_the_payment_holds(step: ReceiptStep, tax_free: int) -> None:
    asked: list[dict[str, Any]] = []

    async def call(
        method: str, _path: str, *, json: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        if method == "GET":
            return {"http_status": 404, "code": -1, "message": "none"}
        asked.append(json or {})
        receipt = {"imp_uid": step.payment_key, "amount": step.wanted}
        return {"http_status": 200, "code": 0, "response": receipt}

    told = await V1CashReceipts(call).issue(step)
    assert (told.amount, asked[0].get("tax_free", 0)) == (step.wanted, tax_free)
