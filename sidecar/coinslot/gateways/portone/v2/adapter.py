"""PortOne V2. Facts: developers.portone.io, REST API V2.

The id of a payment there is our order id: one payment, any number of attempts to make it, each with
a `transactionId` of its own, of which at most one succeeds. Webhooks are signed, and still only a
reason to read the payment again.
"""

from __future__ import annotations

import re
from datetime import UTC
from functools import partial
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import structlog
from pydantic import ValidationError

from coinslot.errors import (
    GatewayOff,
    GatewayUnavailable,
    InvalidPaymentKey,
    PaymentUnknownAtGateway,
)
from coinslot.gateways.base import GatewayPayment, Order, Prepared, TakesMoneyItself, WebhookEvent
from coinslot.gateways.http import GatewayHttp, json_object, nonsense
from coinslot.gateways.portone.channels import channels
from coinslot.gateways.portone.listing import moved
from coinslot.gateways.portone.v2 import listing as v2_listing
from coinslot.gateways.portone.v2 import webhook as v2_webhook
from coinslot.gateways.portone.v2.billing import V2Billing
from coinslot.gateways.portone.v2.cash_receipts import V2CashReceipts
from coinslot.gateways.portone.v2.methods import PARAMETERS
from coinslot.gateways.portone.v2.payment import V2Payment, read_as, which_field
from coinslot.gateways.portone.v2.refund import cancel_body, check_taken_on
from coinslot.settings.gateway import given

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    import httpx

    from coinslot.gateways.base import Refund
    from coinslot.gateways.listing import ListedPage
    from coinslot.gateways.portone.settings import PortOneSettings

log = structlog.get_logger(__name__)

_TRANSACTION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class PortOneV2(TakesMoneyItself):
    name = "portone"
    currencies: frozenset[str] | None = frozenset({"KRW"})

    def __init__(
        self,
        http: GatewayHttp,
        *,
        api_secret: str,
        store_id: str,
        channel_key: str,
        webhook_secrets: Sequence[str],
        live: bool,
        channels: Mapping[str, str] | None = None,
        billing_channel_key: str | None = None,
    ) -> None:
        self._http = http
        self._authorization = f"PortOne {api_secret}"
        self._store_id = store_id
        self._channel_key = channel_key
        self._channels = channels or {}
        self._webhook_secrets = tuple(webhook_secrets)
        self._live = live
        self.billing = self.stored = V2Billing(
            self._call,
            self.read,
            store_id=store_id,
            channel_key=billing_channel_key or channel_key,
        )
        self.cash_receipts = self.issuer = V2CashReceipts(
            self._call, store_id=store_id, channel=self._channel
        )

    @classmethod
    def from_settings(cls, settings: PortOneSettings, client: httpx.AsyncClient) -> Self:
        return cls(
            GatewayHttp(client, settings.portone_api_url, settings.v2_timeout),
            api_secret=given(settings.portone_api_secret).get_secret_value(),
            store_id=given(settings.portone_store_id),
            channel_key=given(settings.portone_channel_key),
            channels=channels(settings.portone_channel_keys),
            webhook_secrets=[each.get_secret_value() for each in settings.portone_webhook_secrets],
            live=settings.live,
            billing_channel_key=settings.portone_billing_channel_key,
        )

    def check_key(self, payment_key: str) -> None:
        if not _TRANSACTION_ID.fullmatch(payment_key):
            raise InvalidPaymentKey

    async def prepare(self, order: Order) -> Prepared:
        """Registers the amount, so that a payment window opened with another one refuses."""
        body = {
            "storeId": self._store_id,
            "totalAmount": order.amount,
            "currency": order.currency,
        }
        response = await self._call(
            "POST", f"{_path(order.order_id)}/pre-register", repeatable=True, json=body
        )
        refusal = _error(response)
        if (response.status_code, refusal) != (200, None) and refusal != "ALREADY_PAID":
            raise _refused("pre-register", response)
        return Prepared(
            browser={
                "storeId": self._store_id,
                "channelKey": self._channel(order.method),
                "paymentId": order.order_id,
                "orderName": order.spoken_name,
                "totalAmount": order.amount,
                "currency": order.currency,
                **_deadline(order),
                **PARAMETERS.get(order.method or "", {}),
            }
        )

    async def read(self, order_id: str | None, payment_key: str | None) -> GatewayPayment:
        """By the order: PortOne shows its attempt that succeeded, else the latest one, which need
        not be the one that `payment_key` names."""
        if payment_key is not None:
            self.check_key(payment_key)
        if order_id is None:
            raise PaymentUnknownAtGateway
        response = await self._call("GET", _path(order_id), params={"storeId": self._store_id})
        if response.status_code == 404 and _error(response) == "PAYMENT_NOT_FOUND":
            raise PaymentUnknownAtGateway
        if response.status_code != 200:
            raise _refused("read", response)
        return self._fact(order_id, json_object(response))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        if not self._webhook_secrets:
            raise GatewayOff
        event_id = v2_webhook.verify(self._webhook_secrets, headers, body)
        return v2_webhook.parse(event_id, headers, body)

    async def refund(self, refund: Refund) -> None:
        """Within three hours, asking again under the key gives the first answer again."""
        response = await self._call(
            "POST",
            f"{_path(refund.order_id)}/cancel",
            key=refund.key,
            json=cancel_body(refund, self._store_id),
        )
        check_taken_on(refund, response)

    async def close_order(self, order: Order, payment: GatewayPayment | None) -> None:
        """Closes an account that waits for its deposit. PortOne documents no way to take back what
        was registered."""
        if payment is None or payment.state != "awaiting_deposit":
            return
        path = f"{_path(order.order_id)}/virtual-account/close"
        response = await self._call("POST", path, params={"storeId": self._store_id})
        if response.status_code != 200:
            refusal = _error(response)
            if refusal is None or refusal.startswith("IDEMPOTENCY_"):
                raise _refused("virtual-account/close", response)
            log.warning("account_not_closed", order_id=order.order_id, type=refusal)

    def moved_between(self, since: datetime, until: datetime) -> AsyncIterator[ListedPage]:
        """A dispute does not change the status, so that its day does not list it: a later look at
        the day on which it was paid does."""
        own = partial(v2_listing.listed, store_id=self._store_id)
        return moved((self._listed,), own, "transactionId", since, until)

    async def _listed(self, first: int, last: int, page: int) -> tuple[list[Any], bool]:
        query = v2_listing.query(first, last, page)
        response = await self._call("GET", "/payments", params=query)
        if response.status_code != 200:
            raise _refused("list", response)
        found = v2_listing.parsed(json_object(response))
        return found.items, found.has_more()

    def _channel(self, method: str | None) -> str:
        return self._channels.get(method or "", self._channel_key)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        key: str | None = None,
        **options: Any,  # noqa: ANN401
    ) -> httpx.Response:
        """The answer. With an idempotency key that may be a 5xx, whose body says more."""
        headers = {"Authorization": self._authorization}
        send = self._http.request
        if key is not None:
            headers["Idempotency-Key"] = f'"{key}"'
            send = self._http.answer
        response = await send(method, path, headers=headers, **options)
        if response.status_code in {401, 403}:
            log.error("gateway_rejected_keys", gateway="portone", status=response.status_code)
            raise GatewayUnavailable(
                "The payment gateway does not accept this server's keys",
                code="gateway_rejected_keys",
            )
        return response

    def _fact(self, order_id: str, answer: dict[str, Any]) -> GatewayPayment:
        try:
            payment = V2Payment.model_validate(answer)
            fact = read_as(payment, live_mode=self._live)
            self.check_key(fact.payment_key)
        except (ValidationError, ValueError, InvalidPaymentKey, OverflowError) as error:
            raise nonsense(
                "payment does not parse", order_id=order_id, why_not=which_field(error)
            ) from error
        if (payment.id, payment.store_id) != (order_id, self._store_id):
            raise nonsense("answered with another payment", order_id=order_id)
        return fact


def _deadline(order: Order) -> dict[str, Any]:
    """The time until which a virtual account takes the deposit, as the browser's SDK reads it."""
    if order.deposit_until is None:
        return {}
    due = order.deposit_until.astimezone(UTC).isoformat(timespec="seconds")
    return {"virtualAccount": {"accountExpiry": {"dueDate": due.replace("+00:00", "Z")}}}


def _path(order_id: str) -> str:
    return f"/payments/{quote(order_id, safe='')}"


def _error(response: httpx.Response) -> str | None:
    kind = json_object(response).get("type")
    return kind if isinstance(kind, str) else None


def _refused(call: str, response: httpx.Response) -> GatewayUnavailable:
    """A refusal that no buyer can mend: a setting, or an outage in disguise."""
    log.error("gateway_refused", call=call, status=response.status_code, type=_error(response))
    return GatewayUnavailable(code="gateway_refused")
