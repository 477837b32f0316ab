"""Stripe. Facts: docs.stripe.com/api, and its library's pinned API version.

One PaymentIntent per order that can be paid: a declined card leaves it open for the next, so
all tries of the buyer end in the same payment. Only the browser that holds its client secret can
pay it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from pydantic import ValidationError

from coinslot.errors import (
    AmountNotChargeable,
    GatewayUnavailable,
    InvalidPaymentKey,
    PaymentUnknownAtGateway,
    RefundDeclined,
)
from coinslot.gateways.base import (
    GatewayPayment,
    Order,
    Prepared,
    TakesMoneyItself,
    WebhookEvent,
)
from coinslot.gateways.http import nonsense, patiently
from coinslot.gateways.stripe import listing as stripe_list
from coinslot.gateways.stripe import refund as stripe_refund
from coinslot.gateways.stripe import webhook as stripe_webhook
from coinslot.gateways.stripe.billing import StripeBilling
from coinslot.gateways.stripe.client import StripeApi, fields, is_kept, is_of_the_price, unknown
from coinslot.gateways.stripe.currencies import to_stripe
from coinslot.gateways.stripe.dispute import Dispute, DisputeList
from coinslot.gateways.stripe.objects import page_of
from coinslot.gateways.stripe.payment import Charge, Intent, Refund, RefundList, fact
from coinslot.settings.gateway import given

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    import httpx
    from stripe import StripeError, StripeObject
    from stripe.params import PaymentIntentCreateParams, RefundListParams

    from coinslot.errors import CoinslotError
    from coinslot.gateways import base
    from coinslot.gateways.listing import ListedPage
    from coinslot.gateways.stripe.objects import Page
    from coinslot.gateways.stripe.settings import StripeSettings

log = structlog.get_logger(__name__)

_INTENT_ID = re.compile(r"pi_[A-Za-z0-9]{1,200}")
_CREATION_KEYS = 5
"""Idempotency keys that are tried for one order, one after the other."""


class Stripe(TakesMoneyItself):
    name = "stripe"
    currencies: frozenset[str] | None = None

    def __init__(
        self, api: StripeApi, *, publishable_key: str, webhook_secrets: Sequence[str] = ()
    ) -> None:
        self._api = api
        self._publishable_key = publishable_key
        self._webhook_secrets = webhook_secrets
        self.billing = StripeBilling(api, publishable_key, self.read)

    @classmethod
    def from_settings(cls, settings: StripeSettings, _client: httpx.AsyncClient) -> Stripe:
        secret = given(settings.stripe_secret_key).get_secret_value()
        return cls(
            StripeApi(secret, settings.stripe_api_url, settings.timeout),
            publishable_key=given(settings.stripe_publishable_key),
            webhook_secrets=[each.get_secret_value() for each in settings.stripe_webhook_secret],
        )

    async def close(self) -> None:
        await self._api.close()

    def check_key(self, payment_key: str) -> None:
        if not _INTENT_ID.fullmatch(payment_key):
            raise InvalidPaymentKey

    async def prepare(self, order: Order) -> Prepared:
        """The order's PaymentIntent: the one that is known, or made, or given again under the same
        idempotency key, which Stripe forgets after a day."""
        intent = await self._known(order)
        if intent is None:
            answer = await self._create(order)
            intent = _intent(answer)
            if _replayed(answer):
                # It shows the payment as it was made; the buyer may have tried to pay since.
                intent = await self._retrieve(intent.id)
        if not intent.client_secret:
            raise nonsense("PaymentIntent without a client secret", payment_key=intent.id)
        browser = {"clientSecret": intent.client_secret, "publishableKey": self._publishable_key}
        return Prepared(browser, attempt=await self._fact(intent))

    async def read(
        self,
        order_id: str | None,  # noqa: ARG002 - Stripe's payments are found by their own id
        payment_key: str | None,
    ) -> GatewayPayment:
        """By the key only: searching metadata finds what Stripe has indexed, minutes late."""
        if payment_key is None:
            raise PaymentUnknownAtGateway
        self.check_key(payment_key)
        intent = await self._retrieve(payment_key)
        if intent.id != payment_key:
            raise nonsense("answered with another payment", payment_key=payment_key)
        return await self._fact(intent)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        return stripe_webhook.parse(headers, body, self._webhook_secrets)

    async def refund(self, refund: base.Refund) -> None:
        self.check_key(refund.payment_key)
        params = stripe_refund.params(refund)
        if await self._taken_on(refund):
            return
        answer = await self._api.answer(
            self._api.v1.refunds.create_async(params, {"idempotency_key": f"refund:{refund.key}"}),
            stripe_refund.meaning,
        )
        stripe_refund.check(fields(answer), refund)

    async def moved_between(self, since: datetime, until: datetime) -> AsyncIterator[ListedPage]:
        for kind in stripe_list.lists(since, datetime.now(UTC)):
            query, more = stripe_list.window(kind, since, until), True
            while more:
                page = await patiently(partial(self._listed, kind, query))
                yield stripe_list.listed(kind, page)
                if more := page.has_more:
                    query["starting_after"] = stripe_list.last_id(page)

    async def _listed(self, kind: stripe_list.Kind, query: Any) -> Page:  # noqa: ANN401 - of each list
        calls = {
            "event": self._api.v1.events.list_async,
            "charge": self._api.v1.charges.list_async,
            "refund": self._api.v1.refunds.list_async,
            "dispute": self._api.v1.disputes.list_async,
        }
        answer: object = await self._api.answer(calls[kind](query))
        return stripe_list.parsed(kind, fields(answer))

    async def _create(self, order: Order) -> StripeObject:
        """Under the first key that Stripe has not kept a server error for, which would leave the
        order unpayable. What the failed call may have made nobody can pay: no browser was told."""
        params: PaymentIntentCreateParams = {
            "amount": _chargeable(order),
            "currency": order.currency.lower(),
            "automatic_payment_methods": {"enabled": True},
            "description": order.name,
            "metadata": {"order_id": order.order_id},
        }
        for suffix in ("", *(f":{number}" for number in range(2, _CREATION_KEYS + 1))):
            key = f"create:{order.order_id}{suffix}"
            with suppress(_KeySpent):
                return await self._api.answer(
                    self._api.v1.payment_intents.create_async(params, {"idempotency_key": key}),
                    _meaning,
                )
        raise GatewayUnavailable

    async def _known(self, order: Order) -> Intent | None:
        if order.payment_key is None:
            return None
        with suppress(PaymentUnknownAtGateway):
            return await self._retrieve(order.payment_key)
        return None

    async def close_order(self, order: Order, payment: GatewayPayment | None) -> None:
        """Cancels the PaymentIntent. Stripe refuses where it has succeeded, or ended before."""
        if payment is None:
            return
        log.info("payment_canceled", order_id=order.order_id, payment_key=payment.payment_key)
        cancel = self._api.v1.payment_intents.cancel_async
        with suppress(_Ended, PaymentUnknownAtGateway):
            await self._api.answer(
                cancel(payment.payment_key, {"cancellation_reason": "abandoned"}), _end
            )

    async def _retrieve(self, payment_key: str) -> Intent:
        expanded = ["latest_charge.refunds"]
        return _intent(
            await self._api.answer(
                self._api.v1.payment_intents.retrieve_async(payment_key, {"expand": expanded})
            )
        )

    async def _fact(self, intent: Intent) -> GatewayPayment:
        charge = intent.charge
        try:
            refunds = await self._refunds(charge) if charge else []
            disputes = await self._disputes(intent.id) if charge and charge.disputed else []
            return fact(intent, refunds, disputes)
        except ValueError as error:
            raise nonsense("payment does not parse", payment_key=intent.id) from error

    async def _taken_on(self, refund: base.Refund) -> bool:
        """True where Stripe has such a refund already, under this key or that of an earlier try,
        also after it has forgotten the keys."""
        try:
            intent = await self._retrieve(refund.payment_key)
        except PaymentUnknownAtGateway as error:
            raise RefundDeclined("resource_missing", "Stripe has no such payment") from error
        if intent.status == "succeeded" and intent.charge is None:
            raise nonsense("succeeded without its charge", payment_key=intent.id)
        made = await self._refunds(intent.charge) if intent.charge else []
        for each in made:
            if stripe_refund.is_of(each, refund):
                stripe_refund.require_standing(each)
        return any(stripe_refund.gives_back(each, refund) for each in made)

    async def _refunds(self, charge: Charge) -> list[Refund]:
        """The ten that come with the charge are all there are, almost always. Where none come, they
        are asked for: it does not say that there are none."""
        page = charge.refunds or RefundList(data=[], has_more=True)
        refunds = list(page.data)
        while page.has_more:
            query: RefundListParams = {"charge": charge.id, "limit": 100}
            if refunds:
                query["starting_after"] = refunds[-1].id
            answer = await self._api.answer(self._api.v1.refunds.list_async(query))
            page = stripe_refund.parsed(fields(answer))
            refunds += page.data
        return refunds

    async def _disputes(self, payment_key: str) -> list[Dispute]:
        answer = await self._api.answer(
            self._api.v1.disputes.list_async({"payment_intent": payment_key, "limit": 100})
        )
        page = page_of(DisputeList, fields(answer), "disputes")
        if page.has_more or not page.data:
            raise nonsense("not the disputes of a disputed charge", payment_key=payment_key)
        return page.data


def _intent(answer: object) -> Intent:
    try:
        return Intent.model_validate(fields(answer))
    except ValidationError as error:
        raise nonsense("PaymentIntent does not parse") from error


class _KeySpent(GatewayUnavailable):
    """Stripe answers this idempotency key with a server error that it has kept."""


def _chargeable(order: Order) -> int:
    try:
        return to_stripe(order.amount, order.currency)
    except ValueError as error:
        raise AmountNotChargeable from error


def _meaning(error: StripeError) -> CoinslotError:
    """Of what is refused, only the price is the buyer's affair. Nothing is kept under the key."""
    if is_kept(error):
        return _KeySpent()
    return AmountNotChargeable() if is_of_the_price(error) else unknown(error)


class _Ended(GatewayUnavailable):
    """The PaymentIntent can no longer be canceled: it has succeeded, or was canceled before."""


def _end(error: StripeError) -> CoinslotError:
    refused = error.http_status == 400 and error.code == "payment_intent_unexpected_state"
    return _Ended() if refused else unknown(error)


def _replayed(answer: StripeObject) -> bool:
    headers = answer.last_response.headers if answer.last_response else {}
    return headers.get("idempotent-replayed") == "true"
