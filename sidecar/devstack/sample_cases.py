"""Cases of the sample shop that are left for somebody to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from devstack.sample_data import Shop


def leave_cases(shop: Shop) -> None:
    """The cases that need somebody today."""
    twice, other, asked, *_ = reversed(shop.paid)
    shop.say(twice, f"{twice['order_id']}q", paid=twice["amount"], taken_at=shop.now)
    shop.later(600)
    shop.say(other, paid=other["amount"], disputed=other["amount"])
    shop.act("support", "note_order", other["order_id"], "The buyer says the card was stolen.")
    shop.later(600)
    buyer = shop.chance.choice(shop.people)
    wrong = shop.call(
        "create_token_order",
        buyer,
        product_id="standard",
        gateway=shop.gateways["KRW"][0],
        currency="KRW",
        method="card",
        idempotency_key=shop.key(),
    )
    shop.say(wrong, amount=1000, paid=1000, taken_at=shop.now)
    late = shop.call(
        "coinslot_store_webhook",
        gateway=asked["gateway"],
        event_id=f"evt_{shop.key()}",
        event_type="payment.updated",
        order_id=asked["order_id"],
        payment_key=f"{asked['order_id']}p",
        claims_paid=False,
        headers=Jsonb({}),
        body=Jsonb({}),
    )
    shop.call(
        "coinslot_finish_webhook",
        webhook_id=late["webhook_id"],
        outcome="failed",
        detail="gateway_unavailable",
        again=True,
    )
