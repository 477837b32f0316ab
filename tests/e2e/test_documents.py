"""Receipts and credit notes at every gateway: issued with the money, with the taxes it tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.e2e.test_document_pages import documents, page

if TYPE_CHECKING:
    from tests.support.checkouts import Checkout


_CARDS = {
    "toss": {"brand": "롯데", "last_four": "008*", "approval": "00000000"},
    "portone": {"brand": "신한카드", "last_four": "5555", "approval": "00000000"},
    "stripe": {"brand": "visa", "last_four": "4242"},
}


async def test_a_receipt_shows_the_card_and_forgets_it_with_its_owner(checkout: Checkout) -> None:
    """At every gateway, as the payment was read there; nothing else is kept of its number."""
    shop = checkout.shop
    order_id, _ = await checkout.bought()
    card = _CARDS[shop.row(order_id)["gateway"]]
    [receipt] = await documents(shop)
    told = await shop.rpc("get_token_document", shop.buyer, number=receipt["number"])
    assert told["card"] == card
    shown = (await page(shop, receipt["number"], "ko")).text
    assert f"{card['brand']} •••• {card['last_four']}" in shown
    assert ("승인번호" in shown) == ("approval" in card)
    kept = (
        "select a::text from coinslot.payment_attempts a where a.card is not null and exists ("
        "select from token_payments p where p.id = a.payment_id and p.order_id = %s)"
    )
    [(attempt,)] = shop.select(kept, order_id)
    assert "5555555" not in attempt
    assert "450099" not in attempt
    shop.select("select coinslot.blank_user(%s)", shop.buyer.id)
    assert shop.select(kept, order_id) == []
    told = await shop.rpc("get_token_document", shop.buyer, number=receipt["number"])
    assert told["card"] == {}


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
