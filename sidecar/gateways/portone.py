"""PortOne V1 (Iamport). Facts: developers.portone.io, REST API V1.

Two things to know about it: success is HTTP 200 *and* `code` 0 in the envelope, and its webhooks
are unsigned, so a payment counts as what `GET /payments/{imp_uid}` says and as nothing else.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, quote

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sidecar.errors import (
    GatewayUnavailable,
    InvalidPaymentKey,
    InvalidRequest,
    PaymentUnknownAtGateway,
    UnsupportedContentType,
)
from sidecar.gateways.base import (
    GatewayPayment,
    Order,
    Prepared,
    State,
    VirtualAccount,
    WebhookEvent,
    redacted,
)
from sidecar.gateways.http import GatewayHttp, json_object, nonsense
from sidecar.gateways.money import to_major, to_minor
from sidecar.gateways.portone_token import TokenCache
from sidecar.gateways.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from sidecar.settings import Settings

log = structlog.get_logger(__name__)

_IMP_UID = re.compile(r"imp_[A-Za-z0-9]{1,28}")


class _Payment(BaseModel):
    """The fields of PortOne's Payment that matter here; it has many more."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    imp_uid: str
    merchant_uid: str
    amount: Decimal = Field(ge=0)
    cancel_amount: Decimal = Field(ge=0)
    currency: str = Field(pattern=r"^[A-Za-z]{3}$")
    status: Literal["ready", "paid", "cancelled", "failed"]
    sandbox: bool | None = None
    paid_at: int | None = None
    pay_method: Text | None = None
    fail_reason: Text | None = None
    vbank_num: Text | None = None
    vbank_name: Text | None = None
    vbank_holder: Text | None = None
    vbank_date: int | None = None
    promotion: dict[str, Any] | None = None


class PortOneV1:
    name = "portone"

    def __init__(self, http: GatewayHttp, *, key: str, secret: str, live: bool) -> None:
        self._http = http
        self._token = TokenCache(http, key, secret)
        self._live = live

    @classmethod
    def from_settings(cls, settings: Settings, client: httpx.AsyncClient) -> PortOneV1 | None:
        if settings.iamport_api_key is None or settings.iamport_api_secret is None:
            return None
        return cls(
            GatewayHttp(client, settings.iamport_api_url, settings.coinslot_gateway_timeout),
            key=settings.iamport_api_key.get_secret_value(),
            secret=settings.iamport_api_secret.get_secret_value(),
            live=settings.live,
        )

    def check_key(self, payment_key: str) -> None:
        if not _IMP_UID.fullmatch(payment_key):
            raise InvalidPaymentKey

    async def prepare(self, order: Order) -> Prepared:
        """Registers the amount, so that a payment window opened with another one refuses."""
        amount = to_major(order.amount, order.currency)
        body = {
            "merchant_uid": order.order_id,
            "amount": int(amount) if amount == amount.to_integral_value() else float(amount),
            "currency": order.currency,
        }
        registered = await self._call("POST", "/payments/prepare", json=body)
        if not _succeeded(registered):
            # Registered before: the order was checked out again.
            registered = await self._call("PUT", "/payments/prepare", json=body)
        if not _succeeded(registered):
            raise _refused("prepare", registered)
        return Prepared(browser={})

    async def read(self, order_id: str | None, payment_key: str | None) -> GatewayPayment:
        """By the order alone: its newest attempt."""
        if payment_key is not None:
            self.check_key(payment_key)
            path = f"/payments/{quote(payment_key, safe='')}"
        else:
            path = f"/payments/find/{quote(order_id or '', safe='')}"
        # Test payments are hidden unless asked for, so that a live merchant's shared test channel
        # buys nothing (PortOne's notice of 2025-11-25).
        query = {} if self._live else {"include_sandbox": "true"}
        envelope = await self._call("GET", path, params=query)
        if _says_unknown(envelope):
            raise PaymentUnknownAtGateway
        if not _succeeded(envelope):
            raise _refused("read", envelope)
        return self._fact(order_id, payment_key, envelope["response"])

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        """JSON or a form, as the merchant chose in the console. Nothing signs it."""
        fields = _webhook_fields(headers.get("content-type", ""), body)
        order_id, payment_key = fields.get("merchant_uid"), fields.get("imp_uid")
        if not isinstance(order_id, str) or not isinstance(payment_key, str):
            raise InvalidRequest("A PortOne webhook names imp_uid and merchant_uid")
        kept = redacted(fields, keep={"imp_uid", "merchant_uid", "status", "cancellation_id"})
        status = kept.get("status")
        return WebhookEvent(
            event_type=status if isinstance(status, str) else "",
            order_id=order_id,
            payment_key=payment_key,
            claims_paid=status == "paid",
            headers=redacted(headers, keep={"content-type", "user-agent"}),
            body=kept,
        )

    async def _call(self, method: str, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401
        """The envelope, with the HTTP status beside it as `http_status`."""
        response = await self._authorized(method, path, **options)
        if response.status_code == 401:
            self._token.forget(response.request.headers["Authorization"])
            response = await self._authorized(method, path, **options)
        if response.status_code == 401:
            raise _refused(path, {"http_status": 401})
        return {**json_object(response), "http_status": response.status_code}

    async def _authorized(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401
        headers = {"Authorization": await self._token.bearer()}
        return await self._http.request(method, path, headers=headers, **options)

    def _fact(
        self, order_id: str | None, payment_key: str | None, response: object
    ) -> GatewayPayment:
        try:
            payment = _Payment.model_validate(response)
            fact = _read_as(payment)
        except (ValidationError, ValueError, ArithmeticError, OSError) as error:
            raise nonsense("payment does not parse", payment_key=payment_key) from error
        if payment_key is None and payment.merchant_uid != order_id:
            raise nonsense("answered with another order's payment", order_id=order_id)
        if payment_key is not None and payment.imp_uid != payment_key:
            raise nonsense("answered with another payment", payment_key=payment_key)
        if payment.sandbox is None and self._live:
            raise nonsense("does not say whether this is a test payment", payment_key=payment_key)
        return fact


def _read_as(payment: _Payment) -> GatewayPayment:
    """Raises `ValueError` where the payment contradicts itself."""
    amount = to_minor(payment.amount, payment.currency)
    canceled = to_minor(payment.cancel_amount, payment.currency)
    if payment.status == "cancelled":
        # Whether a full cancel's total has the promotion's part in it is not documented.
        released = to_minor(_discount(payment), payment.currency)
        canceled = amount if canceled + released >= amount else canceled
    state = _state(payment, amount, canceled)
    # A promotion's part included: cancels count it, too.
    paid = amount if _was_paid(payment, state) else 0
    return GatewayPayment(
        order_id=payment.merchant_uid,
        payment_key=payment.imp_uid,
        state=state,
        amount=amount,
        currency=payment.currency.upper(),
        live=payment.sandbox is False,
        paid=paid,
        refunded=min(canceled, paid),
        method=payment.pay_method,
        failure_reason=payment.fail_reason,
        virtual_account=_virtual_account(payment),
    )


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


def _state(payment: _Payment, amount: int, canceled: int) -> State:
    """Whether a payment is canceled in part is told by the amounts: there is no status for it."""
    if payment.status == "failed":
        return "failed"
    if payment.status == "ready":
        return "awaiting_deposit" if payment.vbank_num else "ready"
    if payment.status == "cancelled" and (canceled >= amount or not payment.paid_at):
        return "canceled"
    if payment.status == "cancelled" and canceled == 0:
        raise ValueError("cancelled by nothing")
    return "canceled" if canceled >= amount else "paid"


def _was_paid(payment: _Payment, state: State) -> bool:
    """A virtual account canceled before its deposit was never paid: `paid_at` tells."""
    if state != "canceled":
        return state == "paid"
    return payment.cancel_amount > 0 if payment.paid_at is None else payment.paid_at > 0


def _discount(payment: _Payment) -> Decimal:
    return Decimal(str((payment.promotion or {}).get("discount") or 0))


def _virtual_account(payment: _Payment) -> VirtualAccount | None:
    if not payment.vbank_num:
        return None
    due = datetime.fromtimestamp(payment.vbank_date, UTC) if payment.vbank_date else None
    return VirtualAccount(
        bank=payment.vbank_name,
        account_number=payment.vbank_num,
        holder=payment.vbank_holder,
        due_at=due.isoformat() if due else None,
    )


def _webhook_fields(content_type: str, body: bytes) -> dict[str, Any]:
    kind = content_type.partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            fields = json.loads(body)
        elif kind == "application/x-www-form-urlencoded":
            fields = dict(parse_qsl(body.decode(), max_num_fields=50))
        else:
            raise UnsupportedContentType("Send the webhook as JSON or as a form")
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body does not parse") from error
    if not isinstance(fields, dict):
        raise InvalidRequest("A PortOne webhook is an object")
    return fields
