"""Stored cards at Stripe: a SetupIntent stores one, an off-session PaymentIntent charges it.

One PaymentIntent per order, made before it is charged and known here by then: it succeeds at most
once, however often it is confirmed. Facts: docs.stripe.com/payments/save-and-reuse.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import stripe
import structlog
from pydantic import BaseModel, ValidationError

from coinslot.errors import (
    CoinslotError,
    GatewayUnavailable,
    MethodNotStored,
    PaymentUnknownAtGateway,
)
from coinslot.gateways.billing import METHOD_GONE, Declined, StoredMethod, decline
from coinslot.gateways.http import nonsense
from coinslot.gateways.stripe.client import fields, is_kept, is_of_the_price, unknown
from coinslot.gateways.stripe.currencies import to_stripe
from coinslot.gateways.stripe.declines import reason_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from stripe import StripeError, StripeObject

    from coinslot.gateways.base import GatewayPayment
    from coinslot.gateways.billing import Charge, Registration
    from coinslot.gateways.stripe.client import StripeApi

log = structlog.get_logger(__name__)

KEYS = 5
"""Idempotency keys for one call, one after the other, where a server error was kept under the
last."""
# Stripe sends none of these again without another card.
_HARD = frozenset(
    {
        *("incorrect_number", "lost_card", "pickup_card", "stolen_card", "restricted_card"),
        *("revocation_of_authorization", "revocation_of_all_authorizations", "fraudulent"),
        *("highest_risk_level", "transaction_not_allowed", "merchant_blacklist"),
        *("stop_payment_order", "security_violation", "service_not_allowed"),
        *("pin_try_exceeded", "new_account_information_available"),
    }
)


class _Card(BaseModel):
    brand: str | None = None
    last4: str | None = None
    fingerprint: str | None = None


class _Method(BaseModel):
    id: str
    customer: str | None = None
    card: _Card | None = None


class _Setup(BaseModel):
    id: str
    status: str
    client_secret: str | None = None
    customer: str | None = None
    metadata: dict[str, str] = {}
    payment_method: _Method | str | None = None


class StripeBilling:
    """`read` asks Stripe for a payment by its key."""

    def __init__(
        self,
        api: StripeApi,
        publishable_key: str,
        read: Callable[[str | None, str | None], Awaitable[GatewayPayment]],
    ) -> None:
        self._api = api
        self._publishable_key = publishable_key
        self._read = read

    async def register(self, registration: Registration) -> Mapping[str, Any]:
        """All methods of a person belong to one customer, or a payment that was begun with one of
        them could not be made with another."""
        customer = registration.earlier.get("customer") or await self._customer(registration)
        setup = _setup(
            await self._keyed(
                f"setup:{registration.id}",
                self._api.v1.setup_intents.create_async,
                {
                    "customer": customer,
                    "usage": "off_session",
                    "payment_method_types": ["card"],
                    "metadata": {"coinslot_method": registration.customer},
                },
            )
        )
        return {"clientSecret": setup.client_secret, "publishableKey": self._publishable_key}

    async def _customer(self, registration: Registration) -> str:
        made = await self._keyed(
            f"customer:{registration.id}",
            self._api.v1.customers.create_async,
            {"metadata": {"coinslot_method": registration.id}},
        )
        return str(fields(made)["id"])

    async def registered(
        self, registration: Registration, carried: Mapping[str, str]
    ) -> StoredMethod:
        key = carried.get("setupIntent", "")
        if not key.startswith("seti_") or not key.isascii() or not key.isidentifier():
            raise MethodNotStored
        try:
            setup = _setup(
                await self._api.answer(
                    self._api.v1.setup_intents.retrieve_async(key, {"expand": ["payment_method"]})
                )
            )
        except PaymentUnknownAtGateway as unknown_one:
            raise MethodNotStored from unknown_one
        method = setup.payment_method
        theirs = setup.metadata.get("coinslot_method") == registration.customer
        if not theirs or setup.status != "succeeded":
            raise MethodNotStored
        if not isinstance(method, _Method) or setup.customer is None:
            raise nonsense("a SetupIntent that succeeded without its method", setup=setup.id)
        card = method.card or _Card()
        return StoredMethod(
            secret={"customer": setup.customer, "method": method.id},
            key=method.id,
            brand=card.brand,
            last_four=card.last4,
            fingerprint=card.fingerprint,
        )

    async def open(self, charge: Charge) -> GatewayPayment | None:
        """The order's PaymentIntent, which nobody has confirmed yet."""
        order = charge.order
        if order.payment_key is not None:
            return None
        try:
            amount = to_stripe(order.amount, order.currency)
        except ValueError:
            return None
        with suppress(_NotAPriceError):
            made = await self._keyed(
                f"charge:{order.order_id}",
                self._api.v1.payment_intents.create_async,
                {
                    "amount": amount,
                    "currency": order.currency.lower(),
                    "customer": charge.secret["customer"],
                    "payment_method_types": ["card"],
                    "description": order.name,
                    "metadata": {"order_id": order.order_id},
                },
            )
            # A repeated answer shows it as it was made.
            return await self._read(order.order_id, fields(made)["id"])
        return None

    async def charge(self, charge: Charge) -> Declined | None:
        payment_key = charge.order.payment_key
        if payment_key is None:
            log.error("charge_refused", gateway="stripe", order_id=charge.order.order_id)
            return Declined("ours", "amount_too_small", dead=True)
        confirm = self._api.v1.payment_intents.confirm_async

        def confirmed(params: Any, options: Any) -> Awaitable[StripeObject]:  # noqa: ANN401
            return confirm(payment_key, params, options)

        try:
            await self._keyed(
                f"confirm:{charge.id}",
                confirmed,
                {"payment_method": charge.secret["method"], "off_session": True},
            )
        except _RefusedError as refusal:
            if refusal.declined.reason == METHOD_GONE and await self._is_attached(charge.secret):
                return await self._of_another_customer(payment_key)
            return refusal.declined
        return None

    async def _is_attached(self, secret: Mapping[str, str]) -> bool:
        try:
            method = fields(
                await self._api.answer(
                    self._api.v1.payment_methods.retrieve_async(secret["method"])
                )
            )
        except PaymentUnknownAtGateway:
            return False
        return bool(method.get("customer") == secret["customer"])

    async def _of_another_customer(self, payment_key: str) -> Declined | None:
        """The payment was begun with a method of two accounts that are one now: it is ended, and
        another made. Where it cannot be ended it was paid: reading it tells."""
        try:
            await self._api.answer(self._api.v1.payment_intents.cancel_async(payment_key), _meaning)
        except _RefusedError:
            return None
        return Declined("ours", "unavailable", dead=True)

    async def forget(self, customer: str, secret: Mapping[str, str]) -> None:  # noqa: ARG002
        with suppress(PaymentUnknownAtGateway, _RefusedError):
            await self._api.answer(
                self._api.v1.payment_methods.detach_async(secret["method"]), _detaching
            )

    async def _keyed(
        self,
        key: str,
        call: Callable[[Any, Any], Awaitable[StripeObject]],
        params: Mapping[str, Any],
    ) -> StripeObject:
        """Under the first key that no server error is kept under. A payment that an earlier key
        may have confirmed is confirmed once all the same."""
        for suffix in ("", *(f":{number}" for number in range(2, KEYS + 1))):
            with suppress(_KeySpent):
                return await self._api.answer(
                    call(dict(params), {"idempotency_key": f"{key}{suffix}"}), _meaning
                )
        raise GatewayUnavailable


class _KeySpent(GatewayUnavailable):
    """Stripe answers this idempotency key with a server error that it has kept."""


class _NotAPriceError(CoinslotError):
    """Nothing can be charged at this price."""


class _RefusedError(CoinslotError):
    """A charge that took nothing."""

    def __init__(self, declined: Declined) -> None:
        super().__init__()
        self.declined = declined


def _meaning(error: StripeError) -> CoinslotError:
    said = error.error
    code = said.code if said else None
    if is_kept(error):
        return _KeySpent()
    if is_of_the_price(error):
        return _NotAPriceError()
    if isinstance(error, stripe.CardError):
        return _RefusedError(_declined(code, said))
    refused = _refusals(code, said.param if said else None) if error.http_status == 400 else None
    return _RefusedError(refused) if refused else unknown(error)


def _detaching(error: StripeError) -> CoinslotError:
    """It was detached before, or its customer is gone."""
    if error.http_status == 400:
        return _RefusedError(Declined("hard", METHOD_GONE))
    return unknown(error)


def _refusals(code: str | None, param: str | None) -> Declined | None:
    """A 400 that says what is wrong with the payment, or with the card."""
    if code == "payment_intent_unexpected_state":
        # It has succeeded, or ended: reading it tells.
        return Declined("ours", "unavailable", dead=True)
    if param == "payment_method" or code == "payment_method_unexpected_state":
        return Declined("hard", METHOD_GONE)
    return None


def _declined(code: str | None, said: Any) -> Declined:  # noqa: ANN401 - Stripe's error object
    decline_code = getattr(said, "decline_code", None)
    if "authentication_required" in {code, decline_code}:
        return Declined("authentication", "authentication")
    reason = reason_of(code, decline_code)
    if decline_code in _HARD or getattr(said, "advice_code", None) == "do_not_try_again":
        return Declined("hard", reason)
    return decline(reason)


def _setup(answer: object) -> _Setup:
    try:
        return _Setup.model_validate(fields(answer))
    except ValidationError as error:
        raise nonsense("SetupIntent does not parse") from error
