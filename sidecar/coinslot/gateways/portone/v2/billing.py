"""Billing keys at PortOne V2: issued in a window, charged under the id of a payment.

All charges of an order are attempts at one payment, of which PortOne lets at most one succeed. A
502 that names the payment company is a decline or an outage: the payment tells.
Facts: developers.portone.io, REST API V2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog

from coinslot.errors import GatewayUnavailable, MethodNotStored, PaymentUnknownAtGateway
from coinslot.gateways.billing import METHOD_GONE, Declined, StoredMethod, decline
from coinslot.gateways.http import json_object, nonsense

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import httpx

    from coinslot.gateways.base import GatewayPayment
    from coinslot.gateways.billing import Charge, Registration

log = structlog.get_logger(__name__)

_CONFIRM = "NEEDS_CONFIRMATION"
_GONE = frozenset({"BILLING_KEY_NOT_FOUND", "BILLING_KEY_ALREADY_DELETED"})
_OURS = frozenset(
    {
        *("INVALID_REQUEST", "CHANNEL_NOT_FOUND", "FORBIDDEN"),
        *("SUM_OF_PARTS_EXCEEDS_TOTAL_AMOUNT", "DISCOUNT_AMOUNT_EXCEEDS_TOTAL_AMOUNT"),
        *("PROMOTION_PAY_METHOD_DOES_NOT_MATCH", "PAYMENT_SCHEDULE_ALREADY_EXISTS"),
    }
)


class V2Billing:
    """`call` asks PortOne; `read` reads a payment by its order."""

    def __init__(
        self,
        call: Callable[..., Awaitable[httpx.Response]],
        read: Callable[[str | None, str | None], Awaitable[GatewayPayment]],
        *,
        store_id: str,
        channel_key: str,
    ) -> None:
        self._call = call
        self._read = read
        self._store_id = store_id
        self._channel_key = channel_key

    async def register(self, registration: Registration) -> Mapping[str, Any]:
        """PortOne hears of a method only from the page."""
        return {
            "version": "v2",
            "storeId": self._store_id,
            "channelKey": self._channel_key,
            "billingKeyMethod": "CARD",
            "issueId": registration.customer,
            "issueName": "정기결제 카드 등록" if registration.language == "ko" else "Card",
            "customer": {"customerId": registration.customer},
        }

    async def registered(
        self, registration: Registration, carried: Mapping[str, str]
    ) -> StoredMethod:
        """The key is the page's word until PortOne says whose it is."""
        key = carried.get("billingKey", "")
        if key == _CONFIRM:
            key = await self._confirmed(carried.get("billingIssueToken", ""))
        if not 1 <= len(key) <= 200 or not key.isascii() or not key.isprintable():
            raise MethodNotStored
        response = await self._call(
            "GET", f"/billing-keys/{quote(key, safe='')}", params={"storeId": self._store_id}
        )
        if response.status_code == 404:
            raise MethodNotStored
        if response.status_code != 200:
            raise _refused("billing key", response)
        info = json_object(response)
        theirs = (info.get("customer") or {}).get("id") == registration.customer
        if info.get("status") != "ISSUED" or not theirs:
            raise MethodNotStored
        if info.get("issueId") not in {None, registration.customer}:
            raise MethodNotStored
        brand, last_four = _card(info)
        return StoredMethod({"version": "v2", "billingKey": key}, key, brand, last_four)

    async def _confirmed(self, token: str) -> str:
        body = {"billingIssueToken": token, "storeId": self._store_id}
        response = await self._call("POST", "/billing-keys/confirm", json=body)
        if response.status_code != 200:
            if response.status_code < 500:
                raise MethodNotStored
            raise _refused("confirm", response)
        info = json_object(response).get("billingKeyInfo") or json_object(response)
        key = info.get("billingKey")
        if not isinstance(key, str):
            raise nonsense("confirmed without a billing key")
        return key

    async def open(self, charge: Charge) -> GatewayPayment | None:  # noqa: ARG002
        return None

    async def charge(self, charge: Charge) -> Declined | None:
        order = charge.order
        response = await self._call(
            "POST",
            f"/payments/{quote(order.order_id, safe='')}/billing-key",
            key=charge.id,
            json={
                "storeId": self._store_id,
                "billingKey": charge.secret["billingKey"],
                "orderName": order.spoken_name,
                "amount": {"total": order.amount},
                "currency": order.currency,
                "customer": {"id": charge.customer},
            },
        )
        kind = None if response.status_code == 200 else _kind(response)
        match kind:
            case None if response.status_code == 200:
                return None
            case "ALREADY_PAID":
                return None
            case "PG_PROVIDER":
                return await self._failure(order.order_id)
            case "MAX_TRANSACTION_COUNT_REACHED":
                return Declined("ours", "too_many_tries", dead=True)
        if kind in _GONE:
            return Declined("hard", METHOD_GONE)
        if kind in _OURS:
            log.error("charge_refused", gateway="portone", type=kind)
            return Declined("ours", "unavailable")
        raise _refused("billing-key", response)

    async def _failure(self, order_id: str) -> Declined | None:
        """The decline, if the payment says that it failed."""
        try:
            fact = await self._read(order_id, None)
        except PaymentUnknownAtGateway as nothing:
            raise GatewayUnavailable from nothing
        if fact.state != "failed":
            if fact.paid:
                return None
            raise GatewayUnavailable
        return decline(fact.failure_reason)

    async def forget(self, customer: str, secret: Mapping[str, str]) -> None:  # noqa: ARG002
        path = f"/billing-keys/{quote(secret['billingKey'], safe='')}"
        params = {"storeId": self._store_id, "reason": "removed", "requester": "CUSTOMER"}
        response = await self._call("DELETE", path, params=params)
        if response.status_code == 200:
            return
        if _kind(response) not in _GONE | {"BILLING_KEY_NOT_ISSUED"}:
            raise _refused("forget", response)


def _card(info: Mapping[str, Any]) -> tuple[str | None, str | None]:
    for method in info.get("methods") or []:
        card = method.get("card") if isinstance(method, dict) else None
        if isinstance(card, dict):
            name, number = card.get("name") or card.get("publisher"), card.get("number")
            shown = number[-4:] if isinstance(number, str) else None
            return name if isinstance(name, str) else None, shown
    return None, None


def _kind(response: httpx.Response) -> str | None:
    kind = json_object(response).get("type")
    return kind if isinstance(kind, str) else None


def _refused(call: str, response: httpx.Response) -> GatewayUnavailable:
    log.error("gateway_refused", call=call, status=response.status_code, type=_kind(response))
    return GatewayUnavailable(code="gateway_refused")
