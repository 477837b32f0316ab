"""The database as a signed-in person sees it. Postgres takes who they are from their JWT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coinslot.database.billing_records import MethodRecord, Subscription
from coinslot.database.endpoints import EndpointOwner
from coinslot.database.records import Offer, OrderRecord, RefundRecord
from coinslot.database.rpc_names import Rpc
from coinslot.database.shop_records import Document

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from coinslot.database.refunds import RefundRequest


class UserDatabase(EndpointOwner):
    """Calls under one person's JWT. Raises `Unauthorized` where Postgres does not accept it."""

    rpc_add = Rpc.ADD_ENDPOINT_AS_OWNER
    rpc_rotate = Rpc.ROTATE_ENDPOINT_AS_OWNER

    async def create_order(
        self,
        product_id: str,
        gateway: str,
        currency: str = "KRW",
        idempotency_key: str | None = None,
        method: str | None = None,
        *,
        quantity: int = 1,
        promo_code: str | None = None,
    ) -> OrderRecord:
        """A new order, or the one that was made under the same key. `method` is the way to pay,
        `promo_code` one that this person has checked."""
        return await self.record(
            OrderRecord,
            Rpc.CREATE_ORDER,
            product_id=product_id,
            gateway=gateway,
            currency=currency,
            idempotency_key=idempotency_key,
            method=method,
            quantity=quantity,
            promo_code=promo_code,
        )

    async def request_cash_receipt(self, order_id: str, kind: str, number: str) -> None:
        """Asks for the cash receipt of the person's own order. Raises `no_cash_receipt`, …"""
        await self.call(Rpc.REQUEST_CASH_RECEIPT, order_id=order_id, kind=kind, number=number)

    async def cancel_order(self, order_id: str) -> OrderRecord:
        """The person's own order, called off."""
        return await self.record(OrderRecord, Rpc.CANCEL_ORDER, order_id=order_id)

    async def request_refund(self, order_id: str, request: RefundRequest) -> RefundRecord:
        """A refund on the word of an operator, finance or owner; `forbidden` for anybody else."""
        return await self.record(RefundRecord, Rpc.REQUEST_REFUND, **request.arguments(order_id))

    async def begin_method(self, gateway: str) -> MethodRecord:
        """A method that the person is about to store at a gateway."""
        begun = await self.call(Rpc.BEGIN_METHOD, gateway=gateway)
        return MethodRecord.model_validate({"status": "begun", **begun})

    async def method(self, method_id: str) -> MethodRecord:
        """The person's own method; `method_not_found` for anybody else's."""
        return await self.record(MethodRecord, Rpc.GET_METHOD, method_id=method_id)

    async def subscribe(
        self,
        plan_id: str,
        gateway: str,
        currency: str,
        method_id: str,
        consent: dict[str, Any],
        *,
        trial: str | None = None,
    ) -> Subscription:
        return await self.record(
            Subscription,
            Rpc.SUBSCRIBE,
            plan_id=plan_id,
            gateway=gateway,
            currency=currency,
            method_id=method_id,
            consent=consent,
            trial=trial,
        )

    async def subscriptions(self) -> list[dict[str, Any]]:
        """The person's own, as `list_token_subscriptions` shows them."""
        found: list[dict[str, Any]] = await self.call(Rpc.LIST_SUBSCRIPTIONS)
        return found

    async def unpaid_order(self, subscription_id: str) -> OrderRecord:
        """The order of a subscription that waits for its owner to authenticate."""
        return await self.record(OrderRecord, Rpc.GET_UNPAID_ORDER, subscription_id=subscription_id)

    async def document(self, number: str) -> Document:
        """A receipt or a credit note of the person's. Raises `document_not_found`."""
        return await self.record(Document, Rpc.GET_DOCUMENT, number=number)

    async def offers(self, currency: str) -> AsyncIterator[Offer]:
        """The products on sale in this currency, by pages: PostgREST has a limit of its own."""
        after = ""
        while page := await self._offers(currency, after):
            for row in page:
                yield Offer.model_validate(row)
            after = page[-1]["id"]

    async def _offers(self, currency: str, after: str) -> list[Any]:
        query = self.client.from_("token_offers").select("*").eq("currency", currency)
        return await self.rows(query.gt("id", after).order("id"))

    async def order(self, order_id: str) -> OrderRecord | None:
        """The person's own order; None for another's and for one that does not exist."""
        query = self.client.from_("token_payments").select("*").eq("order_id", order_id)
        rows = await self.rows(query)
        return OrderRecord.model_validate(rows[0]) if rows else None

    async def orders(self, limit: int, before: tuple[str, str] | None = None) -> list[OrderRecord]:
        """Newest first. `before` is the (created_at, id) of the last row of the page before.

        Fewer than `limit` are all there are, whatever PostgREST gives at once.
        """
        found: list[OrderRecord] = []
        while len(found) < limit and (page := await self._orders(limit - len(found), before)):
            found += page
            before = (page[-1].created_at, page[-1].id)
        return found

    async def _orders(self, limit: int, before: tuple[str, str] | None) -> list[OrderRecord]:
        query = self.client.from_("token_payments").select("*")
        if before is not None:
            at, key = before
            query = query.or_(f'created_at.lt."{at}",and(created_at.eq."{at}",id.lt."{key}")')
        page = query.order("created_at", desc=True).order("id", desc=True).limit(limit)
        return [OrderRecord.model_validate(row) for row in await self.rows(page)]
