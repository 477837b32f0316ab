"""Receipts and credit notes at every gateway: issued with the money, with the taxes it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.test_document_pages import documents, page

if TYPE_CHECKING:
    from tests.support.checkouts import Checkout


async def test_a_purchase_has_a_receipt_and_its_refunds_credit_notes(checkout: Checkout) -> None:
    shop = checkout.shop
    order_id, key = await checkout.bought()
    [receipt] = await documents(shop)
    amount = receipt["amount"]
    assert (receipt["kind"], receipt["order_id"]) == ("receipt", order_id)
    part = amount // 5
    await shop.play("refund", payment_key=key, amount=part)
    await checkout.tell(order_id, key)
    await shop.until(lambda: shop.row(order_id)["refunded"] == part)
    issued = await documents(shop)
    assert [(each["kind"], each["amount"]) for each in issued] == [
        ("receipt", amount),
        ("credit_note", part),
    ]
    split = [each["vat"] for each in issued]
    assert split.count(None) in {0, 2}
    if receipt["vat"] is not None:
        assert receipt["tax_basis"] == "gateway"
        assert receipt["vat"] == (2 * amount + 11) // 22 or receipt["vat"] == amount // 11
    for each in issued:
        for language in ("en", "ko"):
            answer = await page(shop, each["number"], language)
            assert answer.status_code == 200
            assert each["number"] in answer.text
            assert f'<html lang="{language}">' in answer.text
