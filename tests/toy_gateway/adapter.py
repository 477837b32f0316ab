"""Acme: one payment per order, made together with it."""

from __future__ import annotations

import hmac
import json
import re
from typing import TYPE_CHECKING, Any

from coinslot.errors import (
    GatewayUnavailable,
    InvalidPaymentKey,
    InvalidRequest,
    InvalidSignature,
    PaymentUnknownAtGateway,
    RefundDeclined,
)
from coinslot.gateways.base import (
    GatewayPayment,
    Order,
    Prepared,
    Refund,
    TakesMoneyItself,
    WebhookEvent,
)
from coinslot.gateways.http import GatewayHttp, json_array, json_object
from coinslot.gateways.listing import ListedPage, ListedPayment, page_of_rows
from coinslot.settings.gateway import given

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    import httpx

    from tests.toy_gateway.settings import AcmeSettings

_KEY = re.compile(r"acme_[0-9a-f]{12}")


class Acme(TakesMoneyItself):
    name = "acme"
    currencies: frozenset[str] | None = None

    def __init__(self, http: GatewayHttp, *, api_key: str, webhook_secret: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._webhook_secret = webhook_secret

    @classmethod
    def from_settings(cls, settings: AcmeSettings, client: httpx.AsyncClient) -> Acme:
        return cls(
            GatewayHttp(client, settings.acme_api_url, settings.timeout),
            api_key=given(settings.acme_api_key).get_secret_value(),
            webhook_secret=given(settings.acme_webhook_secret).get_secret_value(),
        )

    def check_key(self, payment_key: str) -> None:
        if not _KEY.fullmatch(payment_key):
            raise InvalidPaymentKey

    async def prepare(self, order: Order) -> Prepared:
        body = {"order": order.order_id, "amount": order.amount, "currency": order.currency}
        made = await self._call("PUT", f"/orders/{order.order_id}", repeatable=True, json=body)
        return Prepared({"acmePayment": made["id"]}, attempt=_fact(made))

    async def read(self, order_id: str | None, payment_key: str | None) -> GatewayPayment:
        path = f"/payments/{payment_key}" if payment_key else f"/orders/{order_id}"
        return _fact(await self._call("GET", path))

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        if not hmac.compare_digest(headers.get("acme-secret", ""), self._webhook_secret):
            raise InvalidSignature
        try:
            event = json.loads(body)
            return WebhookEvent(
                event_type=event["type"],
                order_id=event["order"],
                payment_key=event["payment"],
                claims_paid=event["type"] == "paid",
                event_id=event["id"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidRequest("This is not an Acme event") from error

    async def refund(self, refund: Refund) -> None:
        body = {"amount": refund.amount, "key": refund.key}
        response = await self._http.request(
            "POST", f"/payments/{refund.payment_key}/refunds", headers=self._headers, json=body
        )
        if response.status_code != 200:
            raise RefundDeclined("refused", "Acme refuses this refund")

    async def close_order(self, order: Order, payment: GatewayPayment | None) -> None:
        """Acme cannot close what it has made: an order that is over is judged by its money."""

    async def moved_between(self, since: datetime, until: datetime) -> AsyncIterator[ListedPage]:
        window = {"since": since.isoformat(), "until": until.isoformat()}
        response = await self._http.request(
            "GET", "/payments", headers=self._headers, params=window
        )
        yield page_of_rows(json_array(response), _listed, "id")

    async def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        response = await self._http.request(method, path, headers=self._headers, **options)
        if response.status_code == 404:
            raise PaymentUnknownAtGateway
        if response.status_code != 200:
            raise GatewayUnavailable(code="gateway_refused")
        return json_object(response)


def _fact(payment: dict[str, Any]) -> GatewayPayment:
    return GatewayPayment(
        order_id=payment["order"],
        payment_key=payment["id"],
        state="paid" if payment["paid"] else "ready",
        amount=payment["amount"],
        currency=payment["currency"],
        live=False,
        paid=payment["paid"],
        refunded=payment["refunded"],
    )


def _listed(row: Any) -> ListedPayment:  # noqa: ANN401 - a row as it comes
    return ListedPayment(
        order_id=row["order"],
        payment_key=row["id"],
        currency=row["currency"],
        live=False,
        moved_at=row["moved_at"],
        paid=row["paid"],
        refunded=row["refunded"],
    )
