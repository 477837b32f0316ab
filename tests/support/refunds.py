"""A refund as the use case asks a gateway for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coinslot.gateways.base import Refund, RefundAccount

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from coinslot.gateways.base import GatewayPayment
    from coinslot.gateways.listing import ListedPage

KEY = "refund_0123456789abcdef"


def refund_of(paid: GatewayPayment, amount: int | None = None, **changes: Any) -> Refund:  # noqa: ANN401
    """Of what was read: all that is left, unless another amount is given."""
    left = paid.paid - paid.refunded
    return Refund(
        **{
            "order_id": paid.order_id,
            "payment_key": paid.payment_key,
            "amount": left if amount is None else amount,
            "refundable": left,
            "currency": paid.currency,
            "reason": "user request",
            "id": f"of {changes.get('key', KEY)}",
            "key": KEY,
            **changes,
        }
    )


def account(bank: str) -> RefundAccount:
    return RefundAccount(bank, "110123456789", "Hong Gildong")


async def raised(call: Awaitable[object]) -> str:
    """The name of what the call raises; empty if it returns."""
    try:
        await call
    except Exception as error:  # noqa: BLE001 - the test names what it expects
        return type(error).__name__
    return ""


def keys(pages: list[ListedPage]) -> list[str]:
    return [one.payment_key for page in pages for one in page.payments]
