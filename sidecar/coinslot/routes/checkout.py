"""Making an order for a product that the buyer names by its id, or by its name and its price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field

from coinslot.errors import InvalidRequest
from coinslot.payments.orders import ONE_PACK, Basket
from coinslot.routes.requests import idempotency_key, language, services

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sanic import Request

    from coinslot.database.records import OrderRecord


class BasketBody(BaseModel):
    """`quantity` packs, at what `promoCode` makes of their price. The code was checked before."""

    quantity: Annotated[int, Field(ge=1, le=1000)] = 1
    promoCode: Annotated[str, Field(max_length=200)] | None = None  # noqa: N815 - as others are

    def basket(self) -> Basket:
        return Basket(self.quantity, self.promoCode or None)


class CashReceiptBody(BaseModel):
    """A cash receipt that the buyer of a deposit or a transfer asks for: of a person by a phone
    number or a cash receipt card, of a business by its number."""

    type: Literal["income_deduction", "expenditure_proof"]
    number: Annotated[str, Field(min_length=10, max_length=30)]


class DepositBody(BasketBody):
    cashReceipt: CashReceiptBody | None = None  # noqa: N815 - as others are


async def ask_cash_receipt(request: Request, token: str, order_id: str, body: DepositBody) -> None:
    """Asks for the receipt that the body wants, if it wants one."""
    if (wanted := body.cashReceipt) is not None:
        orders = services(request).orders
        await orders.ask_cash_receipt(token, order_id, wanted.type, wanted.number)


@dataclass(frozen=True, slots=True)
class Wish:
    """The body of a request for an order. Everything that it gives must agree.

    `method` is the way to pay, if the buyer chose one. `name_field` is the name that the product's
    name has in the body.
    """

    product_id: str | None
    name: str | None
    amount: int | None
    currency: str
    name_field: str
    method: str | None = None
    basket: Basket = ONE_PACK


async def made_order(
    request: Request, token: str, gateway: str, wish: Wish
) -> tuple[OrderRecord, Mapping[str, Any]]:
    """The order, new or that of the request's key, and what the page needs to have it paid.

    Raises `PaymentRefused` where the order of that key is no longer open.
    """
    product_id = await _product(request, token, wish)
    return await services(request).orders.checkout(
        token,
        product_id,
        gateway,
        idempotency_key(request),
        wish.currency,
        amount=wish.amount,
        method=wish.method,
        language=language(request),
        basket=wish.basket,
    )


def new_order(order: OrderRecord) -> dict[str, Any]:
    """The fields of `NewOrder`."""
    return {
        "success": True,
        "orderId": order.order_id,
        "paymentId": order.id,
        "amount": order.amount,
        "currency": order.currency,
    }


async def _product(request: Request, token: str, wish: Wish) -> str:
    if wish.name is None or wish.amount is None:
        if wish.product_id is None or wish.name is not None or wish.amount is not None:
            message = f"Give amount and {wish.name_field}, or productId"
            raise InvalidRequest(message)
        return wish.product_id
    if wish.basket != ONE_PACK:
        message = "Give productId with quantity or promoCode"
        raise InvalidRequest(message)
    named = await services(request).orders.product_named(
        token, wish.name, wish.amount, wish.currency
    )
    if wish.product_id not in {None, named}:
        message = f"productId is not the product of that {wish.name_field}"
        raise InvalidRequest(message)
    return named
