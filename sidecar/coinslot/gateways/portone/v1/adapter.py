"""PortOne V1 (Iamport). Facts: developers.portone.io, REST API V1.

Two things to know about it: success is HTTP 200 *and* `code` 0 in the envelope, and its webhooks
are unsigned, so a payment counts as what `GET /payments/{imp_uid}` says and as nothing else.
"""

from __future__ import annotations

import re
from datetime import timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog
from pydantic import ValidationError

from coinslot.errors import (
    GatewayUnavailable,
    InvalidPaymentKey,
    PaymentUnknownAtGateway,
)
from coinslot.gateways.base import GatewayPayment, Order, Prepared, TakesMoneyItself
from coinslot.gateways.http import GatewayHttp, json_object, nonsense
from coinslot.gateways.money import as_number
from coinslot.gateways.portone.channels import channels
from coinslot.gateways.portone.listing import moved
from coinslot.gateways.portone.v1 import listing as v1_listing
from coinslot.gateways.portone.v1 import webhook as v1_webhook
from coinslot.gateways.portone.v1.billing import V1Billing
from coinslot.gateways.portone.v1.cash_receipts import V1CashReceipts
from coinslot.gateways.portone.v1.methods import PARAMETERS
from coinslot.gateways.portone.v1.payment import V1Payment, read_as
from coinslot.gateways.portone.v1.refund import cancel_body, check_canceled
from coinslot.gateways.portone.v1.token import TokenCache
from coinslot.settings.gateway import given

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    import httpx

    from coinslot.gateways.base import Refund, WebhookEvent
    from coinslot.gateways.listing import ListedPage
    from coinslot.gateways.portone.settings import PortOneSettings
    from coinslot.gateways.portone.v1.listing import V1Page

log = structlog.get_logger(__name__)

_IMP_UID = re.compile(r"imp_[A-Za-z0-9]{1,28}")
# More than the price of an order that is over: no page asks for as much.
_BEYOND = 1
_SEOUL = timezone(timedelta(hours=9))
# V1 gives up to 1000 payments at once.
_ATTEMPTS = 1000


class PortOneV1(TakesMoneyItself):
    name = "portone"
    currencies: frozenset[str] | None = frozenset({"KRW"})

    def __init__(
        self,
        http: GatewayHttp,
        *,
        key: str,
        secret: str,
        live: bool,
        channels: Mapping[str, str] | None = None,
        billing_channel_key: str | None = None,
    ) -> None:
        self._http = http
        self._token = TokenCache(http, key, secret)
        self._live = live
        self._channels = channels or {}
        # Test payments are hidden unless asked for, so that a live merchant's shared test channel
        # buys nothing (PortOne's notice of 2025-11-25).
        self._visible = {} if live else {"include_sandbox": "true"}
        self.billing = self.stored = V1Billing(
            self._call, self.read, channel_key=billing_channel_key
        )
        self.cash_receipts = self.issuer = V1CashReceipts(partial(self._call, any_status=True))

    @classmethod
    def from_settings(cls, settings: PortOneSettings, client: httpx.AsyncClient) -> PortOneV1:
        return cls(
            GatewayHttp(client, settings.iamport_api_url, settings.v1_timeout),
            key=given(settings.iamport_api_key).get_secret_value(),
            secret=given(settings.iamport_api_secret).get_secret_value(),
            live=settings.live,
            channels=channels(settings.iamport_channel_keys),
            billing_channel_key=settings.iamport_billing_channel_key,
        )

    def check_key(self, payment_key: str) -> None:
        if not _IMP_UID.fullmatch(payment_key):
            raise InvalidPaymentKey

    async def prepare(self, order: Order) -> Prepared:
        """Registers the amount, so that a payment window opened with another one refuses."""
        body = {
            "merchant_uid": order.order_id,
            "amount": as_number(order.amount, order.currency),
            "currency": order.currency,
        }
        registered = await self._call("POST", "/payments/prepare", repeatable=True, json=body)
        if not _succeeded(registered):
            # Registered before: the order was checked out again.
            registered = await self._call("PUT", "/payments/prepare", repeatable=True, json=body)
        if not _succeeded(registered):
            raise _refused("prepare", registered)
        channel = self._channels.get(order.method or "")
        return Prepared(
            browser={
                "orderName": order.spoken_name,
                **(
                    {"pay_method": written}
                    if (written := PARAMETERS.get(order.method or ""))
                    else {}
                ),
                **({"channelKey": channel} if channel else {}),
                **_deadline(order),
            }
        )

    async def read(self, order_id: str | None, payment_key: str | None) -> GatewayPayment:
        """By the order alone: of its attempts the one that matters most for the money."""
        if payment_key is None:
            return await self._read_attempts(order_id or "")
        self.check_key(payment_key)
        envelope = await self._call(
            "GET", f"/payments/{quote(payment_key, safe='')}", params=self._visible
        )
        if _says_unknown(envelope):
            raise PaymentUnknownAtGateway
        if not _succeeded(envelope):
            raise _refused("read", envelope)
        return self._fact(order_id, payment_key, envelope["response"])

    async def _read_attempts(self, order_id: str) -> GatewayPayment:
        """One call, unless there are more attempts than a page holds, and none on it has money."""
        best: GatewayPayment | None = None
        page = 1
        while page and (best is None or _weight(best) < _HOLDS_MONEY):
            found = await self._attempts(order_id, page)
            facts = [self._fact(order_id, None, row) for row in found.rows if self._counts(row)]
            # Newest first: of two that weigh the same the newer one stays.
            best = max([best, *facts] if best else facts, key=_weight, default=None)
            page = found.next if found.next > page else 0
        if best is None:
            raise PaymentUnknownAtGateway
        return best

    async def _attempts(self, order_id: str, page: int) -> V1Page:
        query = {"sorting": "-started", "limit": _ATTEMPTS, "page": page, **self._visible}
        path = f"/payments/findAll/{quote(order_id, safe='')}"
        envelope = await self._call("GET", path, params=query)
        if _says_unknown(envelope):
            raise PaymentUnknownAtGateway
        return _page(envelope)

    def _counts(self, row: object) -> bool:
        """False for a test payment in live mode. That the look at all of an order's attempts hides
        them is not documented."""
        return not (self._live and isinstance(row, dict) and row.get("sandbox") is True)

    async def refund(self, refund: Refund) -> None:
        """Asked again, it is refused by the checksum once the first one has taken effect."""
        self.check_key(refund.payment_key)
        body = cancel_body(refund)
        check_canceled(refund, await self._call("POST", "/payments/cancel", json=body))

    async def close_order(self, order: Order, payment: GatewayPayment | None) -> None:
        """Registers another amount, so that no window opens for the order's any more. Deletes an
        account that waits for its deposit, where its payment company can."""
        body = {
            "merchant_uid": order.order_id,
            "amount": as_number(order.amount + _BEYOND, order.currency),
            "currency": order.currency,
        }
        await self._call("PUT", "/payments/prepare", repeatable=True, json=body)
        if payment is None or payment.state != "awaiting_deposit":
            return
        path = f"/vbanks/{quote(payment.payment_key, safe='')}"
        answer = await self._call("DELETE", path, repeatable=True)
        if not _succeeded(answer):
            log.warning("account_not_closed", order_id=order.order_id, code=answer.get("code"))

    def moved_between(self, since: datetime, until: datetime) -> AsyncIterator[ListedPage]:
        """By status. A deposit that was undone has no date of its own here, nor perhaps a cancel of
        a part, if V1 calls the payment `paid` on: a later look at the day finds both."""
        lists = (partial(self._listed, "paid"), partial(self._listed, "cancelled"))
        return moved(lists, v1_listing.listed, "imp_uid", since, until)

    async def _listed(
        self, status: str, first: int, last: int, page: int
    ) -> tuple[list[Any], bool]:
        query = {**v1_listing.query(first, last, page), **self._visible}
        envelope = await self._call("GET", f"/payments/status/{status}", params=query)
        if page and envelope["http_status"] == 400:
            # Beyond the last page, which shrank meanwhile.
            return [], False
        found = _page(envelope)
        return found.rows, found.next != 0

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        return v1_webhook.parse(headers, body)

    async def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        """The envelope, with the HTTP status beside it as `http_status`."""
        response = await self._authorized(method, path, **options)
        if response.status_code == 401:
            self._token.forget(response.request.headers["Authorization"])
            response = await self._authorized(method, path, **options)
        if response.status_code == 401:
            raise _refused(path, {"http_status": 401})
        return {**json_object(response), "http_status": response.status_code}

    async def _authorized(
        self,
        method: str,
        path: str,
        *,
        any_status: bool = False,
        **options: Any,  # noqa: ANN401
    ) -> httpx.Response:
        headers = {"Authorization": await self._token.bearer()}
        send = self._http.answer if any_status else self._http.request
        return await send(method, path, headers=headers, **options)

    def _fact(
        self, order_id: str | None, payment_key: str | None, response: object
    ) -> GatewayPayment:
        try:
            payment = V1Payment.model_validate(response)
            fact = read_as(payment)
        except (ValidationError, ValueError, ArithmeticError, OSError) as error:
            raise nonsense("payment does not parse", payment_key=payment_key) from error
        if payment_key is None and payment.merchant_uid != order_id:
            raise nonsense("answered with another order's payment", order_id=order_id)
        if payment_key is not None and payment.imp_uid != payment_key:
            raise nonsense("answered with another payment", payment_key=payment_key)
        return fact


# The order in which an order's attempts count: with money, given back, waiting for a deposit, rest.
_HOLDS_MONEY = 3


def _weight(fact: GatewayPayment) -> int:
    if fact.paid > fact.refunded:
        return _HOLDS_MONEY
    if fact.paid:
        return 2
    return 1 if fact.state == "awaiting_deposit" else 0


def _deadline(order: Order) -> dict[str, str]:
    """The time until which a virtual account takes the deposit, as `IMP.request_pay` reads it."""
    if order.deposit_until is None:
        return {}
    return {"vbank_due": order.deposit_until.astimezone(_SEOUL).strftime("%Y%m%d%H%M")}


def _page(envelope: dict[str, Any]) -> V1Page:
    if not _succeeded(envelope):
        raise _refused("list", envelope)
    return v1_listing.parsed(envelope)


def _succeeded(envelope: dict[str, Any]) -> bool:
    return envelope["http_status"] == 200 and envelope.get("code") == 0


def _says_unknown(envelope: dict[str, Any]) -> bool:
    """A 404 without PortOne's own code may come from anything that stands before PortOne."""
    code = envelope.get("code")
    return envelope["http_status"] == 404 and isinstance(code, int) and code != 0


def _refused(call: str, envelope: dict[str, Any]) -> GatewayUnavailable:
    """A refusal that no buyer can mend: keys, a setting, or an outage in disguise."""
    log.error(
        "gateway_refused",
        call=call,
        status=envelope["http_status"],
        code=envelope.get("code"),
        message=envelope.get("message"),
    )
    return GatewayUnavailable(code="gateway_refused")
