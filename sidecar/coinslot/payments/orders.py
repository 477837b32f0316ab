"""Orders: check out, confirm, complete.

Each ends the same way: open the order, ask the gateway, hand its answer to the database.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from coinslot.errors import (
    AmountMismatch,
    AmountNotChargeable,
    DatabaseError,
    InvalidPackage,
    OrderNotFound,
    PaymentRefused,
)
from coinslot.gateways.base import gateway_named
from coinslot.order_ids import ORDER_ID, bind_order
from coinslot.payments.open_orders import (
    as_order,
    confirmable,
    require_open,
)
from coinslot.payments.outcomes import (
    require_not_declined,
    require_paid,
    require_taken,
)
from coinslot.payments.settlements import Settled, Settlements, of_order

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from coinslot.database import Database
    from coinslot.database.records import OrderRecord
    from coinslot.gateways.base import Gateway, GatewayPayment

log = structlog.get_logger(__name__)

_PRODUCT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class PriceChanged(PaymentRefused):
    code = "price_changed"
    sentence = "The order of this Idempotency-Key was made at another price: use a new key"


@dataclass(frozen=True, slots=True)
class Basket:
    """The number of packs in an order, and the code that makes it cheaper."""

    quantity: int = 1
    promo_code: str | None = None


ONE_PACK = Basket()


class Orders:
    def __init__(
        self,
        database: Database,
        gateways: Mapping[str, Gateway],
        settlements: Settlements,
        *,
        live: bool,
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._settlements = settlements
        self._live = live

    def gateway(self, name: str) -> Gateway:
        """Raises `GatewayOff`."""
        return gateway_named(self._gateways, name)

    async def product_named(self, token: str, name: str, amount: int, currency: str) -> str:
        """The id of the product on sale under this name, in either language, at this price.

        Raises `InvalidPackage` where there is none of that name, `AmountMismatch` where it costs
        something else.
        """
        wanted = unicodedata.normalize("NFC", name).strip()
        named = False
        async for offer in self._database.as_user(token).offers(currency):
            if wanted in {offer.name, offer.name_ko}:
                named = True
                if offer.amount == amount:
                    return offer.id
        raise AmountMismatch if named else InvalidPackage

    async def checkout(
        self,
        token: str,
        product_id: str,
        gateway_name: str,
        idempotency_key: str | None,
        currency: str = "KRW",
        *,
        amount: int | None = None,
        method: str | None = None,
        language: str = "ko",
        basket: Basket = ONE_PACK,
    ) -> tuple[OrderRecord, Mapping[str, Any]]:
        """A new order, payable, and what the browser needs besides it to pay.

        `amount` is what the buyer was shown, `method` the way to pay, `language` that of the
        window. Raises `PaymentRefused` where the order of a repeated request is no longer open, be
        it by this server's clock alone; `PriceChanged` where it was made at another price; and
        `AmountNotChargeable` with the order called off.
        """
        gateway = self.gateway(gateway_name)
        if not _PRODUCT_ID.fullmatch(product_id):
            raise InvalidPackage
        made = self._database.as_user(token).create_order(
            product_id,
            gateway_name,
            currency,
            idempotency_key,
            method,
            quantity=basket.quantity,
            promo_code=basket.promo_code,
        )
        order = await _of_product(made)
        bind_order(order.order_id)
        if amount not in {None, order.amount}:
            raise PriceChanged
        require_open(order)
        self._require_mode(order)
        # Nothing was applied to an order that has just been made.
        known = await self._settlements.attempt_key(order) if order.version > 1 else None
        try:
            asked = as_order(order, language, payment_key=known)
            prepared = await gateway.prepare(replace(asked, method=method))
        except AmountNotChargeable as refusal:
            await self._settlements.call_off(token, order.order_id, refusal, "checkout")
            raise
        if prepared.attempt is not None:
            require_open(await self._register(gateway, order, prepared.attempt))
        return order, prepared.browser

    async def ask_cash_receipt(self, token: str, order_id: str, kind: str, number: str) -> None:
        """Asks for a cash receipt of the caller's own order. Raises what the database refuses."""
        await self._database.as_user(token).request_cash_receipt(order_id, kind, number)

    async def _register(
        self, gateway: Gateway, order: OrderRecord, attempt: GatewayPayment
    ) -> OrderRecord:
        """Makes the attempt known, so that a webhook that names only the payment finds its order.

        Applied against the version from before the gateway was asked: a payment that went on
        meanwhile must not be put back.
        """
        settled = await self._settlements.apply(order, attempt, "checkout")
        if settled.outcome == "stale":
            key = attempt.payment_key
            settled = await self._settlements.settle(gateway, order.order_id, key, "checkout")
        return settled.order

    async def complete(
        self,
        gateway_name: str,
        order_id: str,
        payment_key: str | None,
        source: str,
        token: str | None = None,
    ) -> OrderRecord:
        """The order, bought or waiting for a deposit; `PaymentRefused` for anything else.

        Without a payment key the gateway is asked for the order's payment. Needs no identity, since
        the gateway's word decides. A token, if sent, must be the owner's.
        """
        gateway = self.gateway(gateway_name)
        await self._check(gateway, order_id, payment_key, token)
        settled = await self._settlements.settle(gateway, order_id, payment_key, source)
        return require_paid(settled)

    async def confirm(
        self,
        gateway_name: str,
        order_id: str,
        payment_key: str,
        amount: int,
        *,
        language: str = "ko",
        token: str | None = None,
    ) -> Settled:
        """Takes the money, where the gateway leaves that to us; the order as `complete` answers it,
        and what the gateway said.

        Only for an order that is open, and only the amount it was made with. Repeated for a
        payment that was taken, it takes nothing and answers the same again.
        """
        gateway = self.gateway(gateway_name)
        await self._check(gateway, order_id, payment_key, token)
        settled = await self._settlements.together(
            ("confirm", gateway.name, order_id, payment_key, str(amount)),
            lambda: self._take(gateway, order_id, payment_key, amount, language),
        )
        require_taken(settled, payment_key)
        require_not_declined(settled)
        require_paid(settled)
        return settled

    async def owned(self, token: str, order_id: str) -> OrderRecord:
        """The order, if it belongs to whoever the token is."""
        bind_order(order_id)
        if not ORDER_ID.fullmatch(order_id):
            raise OrderNotFound
        order = await self._database.as_user(token).order(order_id)
        if order is None:
            raise OrderNotFound
        return order

    async def history(
        self, token: str, limit: int, before: tuple[str, str] | None = None
    ) -> list[OrderRecord]:
        """The caller's orders, newest first, after the (created_at, id) in `before`."""
        return await self._database.as_user(token).orders(limit, before)

    async def _check(
        self, gateway: Gateway, order_id: str, payment_key: str | None, token: str | None
    ) -> None:
        bind_order(order_id)
        if not ORDER_ID.fullmatch(order_id):
            raise OrderNotFound
        if payment_key is not None:
            gateway.check_key(payment_key)
        if token is not None:
            await self.owned(token, order_id)

    async def _take(
        self,
        gateway: Gateway,
        order_id: str,
        payment_key: str,
        amount: int,
        language: str,
    ) -> Settled:
        order = await self._settlements.open(order_id)
        if order.gateway != gateway.name:
            return await self._settlements.settle(gateway, order_id, payment_key, "confirm")
        if amount != order.amount:
            raise AmountMismatch
        if confirmable(order):
            try:
                self._require_mode(order)
                fact = of_order(
                    order, await gateway.confirm(as_order(order, language), payment_key)
                )
            except PaymentRefused as refusal:
                await self._settlements.refuse(order_id, payment_key, refusal, "confirm")
                raise
            settled = await self._settlements.apply(order, fact, "confirm")
            if settled.outcome != "stale":
                return settled
        return await self._settlements.settle(gateway, order_id, payment_key, "confirm")

    def _require_mode(self, order: OrderRecord) -> None:
        """Raises where this server's keys and the order are of different modes.

        Such an order could not be credited, so no payment is opened and no money taken for it.
        """
        if order.live != self._live:
            message = "The order and this server are not both in test mode, or both live"
            raise PaymentRefused(message, code="wrong_mode", status=order.status)


async def _of_product(made: Awaitable[OrderRecord]) -> OrderRecord:
    try:
        return await made
    except DatabaseError as error:
        if error.code == "product_not_found":
            raise InvalidPackage from error
        raise
