"""Toss Payments, core API v1 (docs.tosspayments.com, API version 2022-11-16).

Two things to know about it: the buyer's turn in the window takes no money, we do, with `confirm`;
and an answer other than a plain yes or no to that (a timeout, a 5xx, a 409, some codes)
leaves open whether the money was taken, which only reading the payment resolves.
"""

from __future__ import annotations

import base64
import re
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog

from coinslot.errors import AmountNotChargeable, InvalidPaymentKey, PaymentUnknownAtGateway
from coinslot.gateways.base import GatewayPayment, Order, Prepared, Refund, WebhookEvent
from coinslot.gateways.http import GatewayHttp, json_array, json_object, nonsense, patiently
from coinslot.gateways.money import as_number
from coinslot.gateways.toss import listing as toss_transactions
from coinslot.gateways.toss import refund as toss_refund
from coinslot.gateways.toss import webhook as toss_webhook
from coinslot.gateways.toss.billing import TossBilling
from coinslot.gateways.toss.cash_receipts import TossCashReceipts
from coinslot.gateways.toss.confirmation import Confirmations
from coinslot.gateways.toss.methods import PARAMETERS, amounts
from coinslot.gateways.toss.payment import TossPayment, read_as
from coinslot.gateways.toss.refusals import OUR_KEYS, UNKNOWN, error, refused
from coinslot.gateways.toss.times import in_seoul
from coinslot.settings.gateway import given

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    import httpx

    from coinslot.gateways.listing import ListedPage
    from coinslot.gateways.toss.settings import TossSettings

log = structlog.get_logger(__name__)

# Of an order's name in the window.
LONGEST_NAME = 100
_PAYMENT_KEY = re.compile(r"[A-Za-z0-9_-]{6,200}")
NO_SUCH_PAYMENT = {"NOT_FOUND_PAYMENT", "NOT_FOUND", "NOT_FOUND_PAYMENT_SESSION"}


class Toss:
    name = "toss"
    currencies: frozenset[str] | None = frozenset({"KRW"})

    def __init__(
        self, http: GatewayHttp, *, client_key: str, secret_key: str, frontend_url: str
    ) -> None:
        self._http = http
        self._client_key = client_key
        credentials = base64.b64encode(f"{secret_key}:".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}"}
        parse = partial(self._fact, None)
        self._confirmations = Confirmations(http, self._headers, self.read, parse)
        self.cash_receipts = TossCashReceipts(http, self._headers)
        self.live = secret_key.startswith("live_")
        self._frontend_url = frontend_url
        # In a widget the buyer chooses.
        self._has_widgets = "_gck_" in client_key
        # Toss issues billing keys to the keys of the API alone.
        self.billing = (
            None
            if self._has_widgets
            else TossBilling(http, self._headers, client_key=client_key, frontend_url=frontend_url)
        )

    @classmethod
    def from_settings(cls, settings: TossSettings, client: httpx.AsyncClient) -> Toss:
        return cls(
            GatewayHttp(client, settings.toss_api_url, settings.timeout),
            client_key=given(settings.toss_client_key),
            secret_key=given(settings.toss_secret_key).get_secret_value(),
            frontend_url=settings.frontend_url,
        )

    def check_key(self, payment_key: str) -> None:
        if not _PAYMENT_KEY.fullmatch(payment_key):
            raise InvalidPaymentKey

    async def prepare(self, order: Order) -> Prepared:
        """Toss hears of an order only from the page: this is what the page has to tell it."""
        least, most = amounts(order.method or "card", order.currency)
        if order.amount < (least or 1) or (most is not None and order.amount > most):
            raise AmountNotChargeable
        return Prepared(
            browser={
                "clientKey": self._client_key,
                "orderId": order.order_id,
                "orderName": order.spoken_name[:LONGEST_NAME],
                "amount": as_number(order.amount, order.currency),
                "successUrl": f"{self._frontend_url}/payment/success",
                "failUrl": f"{self._frontend_url}/payment/fail",
                **_deadline(order),
                **({} if self._has_widgets else PARAMETERS.get(order.method or "", {})),
            }
        )

    async def confirm(self, order: Order, payment_key: str) -> TossPayment:
        """Takes the money. Raises `PaymentDeclined`, and `ConfirmUnknown` where reading the payment
        does not resolve an unknown outcome either."""
        self.check_key(payment_key)
        return await self._confirmations.confirm(order, payment_key)

    async def read(self, order_id: str | None, payment_key: str | None) -> TossPayment:
        """By the order alone: the payment that Toss shows for it."""
        if payment_key is not None:
            self.check_key(payment_key)
            path = f"/v1/payments/{quote(payment_key, safe='')}"
        else:
            path = f"/v1/payments/orders/{quote(order_id or '', safe='')}"
        response = await self._http.request("GET", path, headers=self._headers)
        if response.status_code != 200:
            code, _ = error(response)
            # Any other 404 may come from anything that stands before Toss.
            if response.status_code == 404 and code in NO_SUCH_PAYMENT:
                raise PaymentUnknownAtGateway
            raise refused("read", response.status_code, code)
        return self._fact(order_id, payment_key, response)

    async def close_order(self, order: Order, payment: GatewayPayment | None) -> None:
        """Cancels an account that waits for its deposit. A deposit that comes in meanwhile is kept:
        Toss gives none back without an account to give it to. No other payment is taken without our
        confirm, and that is for open orders only."""
        if payment is None or payment.state != "awaiting_deposit":
            return
        path = f"/v1/payments/{quote(payment.payment_key, safe='')}/cancel"
        body = {"cancelReason": "order over"}
        response = await self._http.request("POST", path, headers=self._headers, json=body)
        if response.status_code != 200:
            code, _ = error(response)
            if code is None or code in UNKNOWN or code in OUR_KEYS:
                raise refused("close", response.status_code, code)
            log.warning("account_not_closed", order_id=order.order_id, code=code)

    async def close(self) -> None:
        """Nothing: the connections are the shared client's."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        return toss_webhook.parse(headers, body)

    async def refund(self, refund: Refund) -> None:
        """A cancel of `refund.amount`, as far as Toss still holds `refund.refundable`."""
        self.check_key(refund.payment_key)
        path = f"/v1/payments/{quote(refund.payment_key, safe='')}/cancel"
        headers = {**self._headers, "Idempotency-Key": f"cancel:{refund.key}"}
        body = toss_refund.body(refund)
        toss_refund.check(await self._http.answer("POST", path, headers=headers, json=body), refund)

    async def moved_between(self, since: datetime, until: datetime) -> AsyncIterator[ListedPage]:
        """Until a page is empty: one that is not full may have been cut short by Toss's own limit.
        Each goes on after the last transaction seen, so what is new meanwhile shifts nothing."""
        query = toss_transactions.window(since, until)
        while rows := await patiently(partial(self._transactions, query)):
            yield toss_transactions.listed(rows, live=self.live)
            query["startingAfter"] = toss_transactions.last_key(rows, query.get("startingAfter"))

    async def _transactions(self, query: Mapping[str, str]) -> list[Any]:
        response = await self._http.request(
            "GET", "/v1/transactions", headers=self._headers, params=query
        )
        if response.status_code != 200:
            raise refused("list", response.status_code, error(response)[0])
        return json_array(response)

    def _fact(
        self, order_id: str | None, payment_key: str | None, response: httpx.Response
    ) -> TossPayment:
        try:
            fact = read_as(json_object(response), live=self.live)
        except (ValueError, ArithmeticError) as problem:
            raise nonsense("payment does not parse", payment_key=payment_key) from problem
        if payment_key is None and fact.order_id != order_id:
            raise nonsense("answered with another order's payment", order_id=order_id)
        if payment_key is not None and fact.payment_key != payment_key:
            raise nonsense("answered with another payment", payment_key=payment_key)
        if fact.transfer_failed:
            log.warning("refund_transfer_failed", payment_key=fact.payment_key)
        return fact


def _deadline(order: Order) -> dict[str, str]:
    """The time until which a virtual account takes the deposit."""
    return {"dueDate": in_seoul(order.deposit_until)} if order.deposit_until else {}
