"""Stored cards at PortOne V1: our `customer_uid` names one, and `again` charges it.

Three things to know about it: a decline is HTTP 200 and `code` 0 with the status `failed`; there is
no idempotency key, so that each charge has an order of its own, which nobody pays twice; and what a
registration calls `paid` is no money. Facts: developers.portone.io, REST API V1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog

from coinslot.errors import GatewayUnavailable, MethodNotStored, PaymentUnknownAtGateway
from coinslot.gateways.billing import METHOD_GONE, Declined, StoredMethod, decline
from coinslot.gateways.http import nonsense
from coinslot.gateways.money import as_number
from coinslot.gateways.portone.declines import DECLINES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from coinslot.gateways.base import GatewayPayment
    from coinslot.gateways.billing import Charge, Registration

log = structlog.get_logger(__name__)

_LONGEST_NAME = 40
# V1's sentence for a customer_uid that it does not know; it has no code for that.
_UNKNOWN_BUYER = "등록되지 않은 구매자"


class V1Billing:
    """`call` asks PortOne, and answers its envelope with `http_status` beside it; `read` reads a
    payment by its order."""

    def __init__(
        self,
        call: Callable[..., Awaitable[dict[str, Any]]],
        read: Callable[[str | None, str | None], Awaitable[GatewayPayment]],
        *,
        channel_key: str | None,
    ) -> None:
        self._call = call
        self._read = read
        self._channel_key = channel_key

    async def register(self, registration: Registration) -> Mapping[str, Any]:
        """PortOne hears of a method only from the page."""
        return {
            "version": "v1",
            "pay_method": "card",
            "merchant_uid": f"method_{registration.id.replace('-', '')[:32]}",
            "customer_uid": registration.customer,
            "customer_id": registration.customer,
            "name": "정기결제 카드 등록" if registration.language == "ko" else "Card",
            "amount": 0,
            **({"channelKey": self._channel_key} if self._channel_key else {}),
        }

    async def registered(
        self,
        registration: Registration,
        carried: Mapping[str, str],  # noqa: ARG002 - nothing in it says more than the uid
    ) -> StoredMethod:
        """Only the window that was opened with our name of it can have stored it."""
        envelope = await self._call("GET", _customer(registration.customer))
        found = envelope.get("response")
        if envelope["http_status"] == 404 or envelope.get("code") not in {0, None}:
            raise MethodNotStored
        if envelope["http_status"] != 200 or not isinstance(found, dict):
            raise _refused("customer", envelope)
        if found.get("customer_uid") != registration.customer:
            raise nonsense("answered with another customer")
        number, name = found.get("card_number"), found.get("card_name")
        return StoredMethod(
            secret={"version": "v1"},
            key=registration.customer,
            brand=name if isinstance(name, str) else None,
            last_four=number[-4:] if isinstance(number, str) else None,
        )

    async def open(self, charge: Charge) -> GatewayPayment | None:  # noqa: ARG002
        return None

    async def charge(self, charge: Charge) -> Declined | None:
        order = charge.order
        envelope = await self._call(
            "POST",
            "/subscribe/payments/again",
            json={
                "customer_uid": charge.customer,
                "merchant_uid": order.order_id,
                "amount": as_number(order.amount, order.currency),
                "currency": order.currency,
                "name": order.spoken_name[:_LONGEST_NAME],
            },
        )
        payment, code = envelope.get("response"), envelope.get("code")
        if envelope["http_status"] == 200 and code == 0 and isinstance(payment, dict):
            return _outcome(payment, order.order_id)
        if envelope["http_status"] == 200 and isinstance(code, int) and code != 0:
            if _UNKNOWN_BUYER in str(envelope.get("message")):
                return Declined("hard", METHOD_GONE, dead=True)
            return await self._refusal(order.order_id, envelope)
        raise _refused("again", envelope)

    async def _refusal(self, order_id: str, envelope: Mapping[str, Any]) -> Declined | None:
        """The order may have been paid, or have failed, by an earlier call: reading it tells."""
        try:
            fact = await self._read(order_id, None)
        except PaymentUnknownAtGateway:
            log.warning("charge_refused", gateway="portone", message=envelope.get("message"))
            return Declined("ours", "unavailable")
        return _failed(fact.failure_reason) if fact.state == "failed" else None

    async def forget(self, customer: str, secret: Mapping[str, str]) -> None:  # noqa: ARG002
        envelope = await self._call("DELETE", _customer(customer), params={"reason": "removed"})
        gone = envelope["http_status"] == 404 or envelope.get("code") == 1
        if not gone and (envelope["http_status"], envelope.get("code")) != (200, 0):
            raise _refused("forget", envelope)


def _outcome(payment: Mapping[str, Any], order_id: str) -> Declined | None:
    if payment.get("merchant_uid") != order_id:
        raise nonsense("answered with another order's payment", order_id=order_id)
    if payment.get("status") == "failed":
        return _failed(payment.get("fail_reason"))
    return None


def _failed(reason: object) -> Declined:
    """V1 passes on the payment company's sentence, which may begin with its code."""
    code = re.match(r"\[([A-Z_]{3,60})\]", reason) if isinstance(reason, str) else None
    return decline(DECLINES.get(code[1]) if code else None, dead=True)


def _customer(customer: str) -> str:
    return f"/subscribe/customers/{quote(customer, safe='')}"


def _refused(call: str, envelope: Mapping[str, Any]) -> GatewayUnavailable:
    log.error(
        "gateway_refused",
        call=call,
        status=envelope["http_status"],
        code=envelope.get("code"),
        message=envelope.get("message"),
    )
    return GatewayUnavailable(code="gateway_refused")
