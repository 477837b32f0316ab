"""Stripe's own library, its failures told apart as every gateway's are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import stripe
import structlog

from coinslot.errors import (
    CoinslotError,
    GatewayTimeout,
    GatewayUnavailable,
    PaymentUnknownAtGateway,
)
from coinslot.gateways.http import nonsense

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

log = structlog.get_logger(__name__)
T = TypeVar("T")

Meaning: TypeAlias = "Callable[[stripe.StripeError], CoinslotError]"

_RETRIES = 1
# Of a 400 that refuses a price: by its code, or where it has none by the parameter that it names.
PRICE_CODES = frozenset(
    {"amount_too_small", "amount_too_large", "invalid_amount", "invalid_charge_amount"}
)
PRICE_PARAMS = frozenset({"amount", "currency"})


class StripeApi:
    """The async client. `timeout` bounds a whole call with its retries, in seconds."""

    def __init__(self, secret_key: str, base_url: str, timeout: float) -> None:
        self._http = stripe.HTTPXClient(timeout=timeout)
        self._timeout = timeout
        self.v1 = stripe.StripeClient(
            secret_key,
            base_addresses={"api": base_url},
            http_client=self._http,
            max_network_retries=_RETRIES,
        ).v1

    async def close(self) -> None:
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def answer(self, call: Awaitable[T], meaning: Meaning | None = None) -> T:
        """The answer; anything that is none of the payment's own doing is raised as unknown.
        `meaning` is for calls that tell more of Stripe's errors apart."""
        try:
            async with asyncio.timeout(self._timeout):
                return await call
        except TimeoutError as error:
            log.warning("gateway_timeout", gateway="stripe")
            raise GatewayTimeout from error
        except stripe.StripeError as error:
            _note(error)
            raise (meaning or unknown)(error) from error
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # The library trusts that `error` is an object.
            raise nonsense("answer is not Stripe's", kind=type(error).__name__) from error


def fields(answer: object) -> dict[str, Any]:
    """The fields of the object that the library made of the answer."""
    if not isinstance(answer, stripe.StripeObject):
        raise nonsense("answer is not an object")
    return answer.to_dict()


def is_kept(error: stripe.StripeError) -> bool:
    """A server error that is a replay: all that its idempotency key will ever answer."""
    replayed = (error.headers or {}).get("idempotent-replayed") == "true"
    return replayed and error.http_status is not None and error.http_status >= 500


def is_of_the_price(error: stripe.StripeError) -> bool:
    """A refusal of what is asked for, whoever asks: too little, too much, or in a currency that
    Stripe does not take."""
    if not isinstance(error, stripe.InvalidRequestError) or error.http_status != 400:
        return False
    return error.code in PRICE_CODES or error.param in PRICE_PARAMS


def unknown(error: stripe.StripeError) -> CoinslotError:
    """An error that decides nothing."""
    match error:
        case stripe.InvalidRequestError() if error.http_status == 404:
            return PaymentUnknownAtGateway()
        case stripe.AuthenticationError() | stripe.PermissionError():
            return GatewayUnavailable(code="gateway_rejected_keys")
        case stripe.InvalidRequestError() | stripe.IdempotencyError() | stripe.CardError():
            return GatewayUnavailable(code="gateway_refused")
        case _:
            return GatewayUnavailable()


def _note(error: stripe.StripeError) -> None:
    """Never the message: it may quote a key."""
    log.warning(
        "gateway_refused",
        gateway="stripe",
        kind=type(error).__name__,
        status=error.http_status,
        code=error.error.code if error.error else None,
        stripe_request_id=error.request_id,
    )
