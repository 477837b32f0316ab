"""Taking the money of a payment that the buyer has agreed to.

Under one `Idempotency-Key` Toss repeats the first answer for fifteen days, errors included, and
compares no bodies. So a yes may be an old one: the money may have gone back since. And an error
that leaves it open is got past under another key only. That is asked when a read has shown that the
payment still waits for its confirm; should the money be taken meanwhile all the same, Toss answers
`ALREADY_PROCESSED_PAYMENT`.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

import structlog

from coinslot.errors import GatewayUnavailable, PaymentDeclined, PaymentUnknownAtGateway
from coinslot.gateways.declines import told
from coinslot.gateways.money import as_number
from coinslot.gateways.toss.declines import DECLINES
from coinslot.gateways.toss.refusals import (
    CONFIRM_UNKNOWN,
    LATER,
    OUR_KEYS,
    TAKEN_BEFORE,
    error,
    is_kept,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    import httpx

    from coinslot.gateways.base import Order
    from coinslot.gateways.http import GatewayHttp
    from coinslot.gateways.toss.payment import TossPayment

log = structlog.get_logger(__name__)

KEYS = 10
"""Idempotency keys for the confirms of one payment, one after the other."""
# Of these in one call: whoever waits for it may call again, for ten minutes.
_AT_ONCE = 2
# Payments whose spent keys are remembered.
_REMEMBERED = 1000
# An approval that is older was made by an earlier call: the answer is a stored one. So may be one
# that is yet to come: then this clock is slow, and tells nothing.
_NEW = timedelta(minutes=1)
# Before each look at a payment whose confirm is in doubt. An approval may still be under way.
LOOKS = (0.0, 0.5, 1.5)
_LANGUAGES = {"ko": "ko-KR", "en": "en-US"}


class ConfirmUnknown(GatewayUnavailable):
    code = "confirm_unknown"
    sentence = "Whether the payment was taken is not known yet: confirm it again"


class Read(Protocol):
    async def __call__(self, order_id: str | None, payment_key: str | None, /) -> TossPayment: ...


class Confirmations:
    """`read` asks Toss for a payment, `parse` understands its answer about the one of that key."""

    def __init__(
        self,
        http: GatewayHttp,
        headers: Mapping[str, str],
        read: Read,
        parse: Callable[[str, httpx.Response], TossPayment],
    ) -> None:
        self._http = http
        self._headers = headers
        self._read = read
        self._parse = parse
        # Of each payment, the keys that Toss answers with an error it has kept. Another process
        # meets these anew, and gets past two with each call.
        self._spent: OrderedDict[str, int] = OrderedDict()

    async def confirm(self, order: Order, payment_key: str) -> TossPayment:
        """Raises `PaymentDeclined`, and `ConfirmUnknown` where no reading tells either."""
        first = min(self._spent.get(payment_key, 0), KEYS - 1)
        try:
            async with asyncio.timeout(2 * self._http.timeout + sum(LOOKS)):
                for number in range(first, min(first + _AT_ONCE, KEYS)):
                    fact = await self._taken(order, payment_key, number)
                    if fact is not None:
                        return fact
                    self._spend(payment_key, number + 1)
        except TimeoutError as late:
            raise ConfirmUnknown from late
        raise ConfirmUnknown

    def _spend(self, payment_key: str, keys: int) -> None:
        self._spent[payment_key] = keys
        self._spent.move_to_end(payment_key)
        if len(self._spent) > _REMEMBERED:
            self._spent.popitem(last=False)

    async def _taken(self, order: Order, payment_key: str, number: int) -> TossPayment | None:
        """The payment after a confirm under this key. None where the key can only repeat an error,
        and the payment still waits for its confirm."""
        try:
            response = await self._ask(order, payment_key, number)
            fact = self._parse(payment_key, response) if response.status_code == 200 else None
        except GatewayUnavailable as unknown:
            return await self._resolved(order, payment_key, unknown.code)
        if fact is None:
            return await self._refused(order, payment_key, response)
        if _was_stored(fact):
            return await self._resolved(order, payment_key, "stored answer")
        return fact

    def _ask(self, order: Order, payment_key: str, number: int) -> Awaitable[httpx.Response]:
        suffix = f":{number + 1}" if number else ""
        headers = {
            **self._headers,
            "Idempotency-Key": f"confirm:{payment_key}{suffix}",
            "Accept-Language": _LANGUAGES.get(order.language, "ko-KR"),
        }
        amount = as_number(order.amount, order.currency)
        body = {"paymentKey": payment_key, "orderId": order.order_id, "amount": amount}
        return self._http.answer("POST", "/v1/payments/confirm", json=body, headers=headers)

    async def _refused(
        self, order: Order, payment_key: str, response: httpx.Response
    ) -> TossPayment | None:
        """The payment, read again after a confirm that was not answered with a yes. Raises a no."""
        status, (code, message) = response.status_code, error(response)
        if code is None or status in LATER or status >= 500 or code in CONFIRM_UNKNOWN:
            kept = is_kept(status, code)
            return await self._resolved(order, payment_key, code or "no code", kept=kept)
        if code == TAKEN_BEFORE:
            return await self._resolved(order, None, code)
        if code in OUR_KEYS:
            raise refused("confirm", status, code)
        reason = DECLINES.get(code)
        raise PaymentDeclined(status, code, told(reason, order.language) or message)

    async def _resolved(
        self, order: Order, payment_key: str | None, why: str, *, kept: bool = False
    ) -> TossPayment | None:
        """This payment, or without a key the order's, read again until the approval is over.

        That Toss shows no payment is no answer: its records may lag behind the approval that we
        sent. Where the error is `kept`, None says that the payment still waits for its confirm.
        Raises `ConfirmUnknown` where no reading tells."""
        log.warning("confirm_in_doubt", order_id=order.order_id, why=why)
        fact: TossPayment | None = None
        try:
            # All looks together: the buyer is waiting.
            async with asyncio.timeout(self._http.timeout + sum(LOOKS)):
                for wait in LOOKS:
                    await asyncio.sleep(wait)
                    fact = await self._shown(order.order_id, payment_key)
                    if fact is not None and fact.state != "ready":
                        return fact
        except (GatewayUnavailable, TimeoutError) as unknown:
            raise ConfirmUnknown from unknown
        if kept and fact is not None and fact.agreed:
            return None
        raise ConfirmUnknown

    async def _shown(self, order_id: str, payment_key: str | None) -> TossPayment | None:
        try:
            return await self._read(order_id, payment_key)
        except PaymentUnknownAtGateway:
            return None


def _was_stored(fact: TossPayment) -> bool:
    return fact.approved_at is not None and abs(datetime.now(UTC) - fact.approved_at) > _NEW
