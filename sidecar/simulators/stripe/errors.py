"""Stripe's refusals, as its API words them where that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulators.stripe.cards import Decline

Json = dict[str, Any]

_DOC = "https://stripe.com/docs/error-codes/"


class Refusal(Exception):  # noqa: N818 - Stripe's no, not a fault
    """An answer that is an error; `kept` ones are stored under the idempotency key."""

    def __init__(self, status: int, *, kept: bool = False, **error: Any) -> None:  # noqa: ANN401
        super().__init__(error.get("message"))
        self.status = status
        self.kept = kept
        self.body = {"error": error}


def invalid(message: str, *, code: str | None = None, param: str | None = None) -> Refusal:
    details = {"code": code, "param": param}
    given: Json = {name: value for name, value in details.items() if value is not None}
    return Refusal(400, type="invalid_request_error", message=message, **given)


def missing(kind: str, key: str, param: str) -> Refusal:
    return Refusal(
        404,
        type="invalid_request_error",
        code="resource_missing",
        doc_url=f"{_DOC}resource-missing",
        message=f"No such {kind}: '{key}'",
        param=param,
    )


def unexpected_state(intent: Json, action: str) -> Refusal:
    return Refusal(
        400,
        type="invalid_request_error",
        code="payment_intent_unexpected_state",
        message=f"You cannot {action} this PaymentIntent because it has a status of "
        f"{intent['status']}.",
        payment_intent=intent,
    )


def decline_error(decline: Decline, charge: str | None, method: Json) -> Json:
    """The object in `last_payment_error`."""
    return {
        "type": "card_error",
        "code": decline.code,
        **({"decline_code": decline.decline_code} if decline.decline_code else {}),
        "doc_url": f"{_DOC}{decline.code.replace('_', '-')}",
        "message": decline.message,
        "charge": charge,
        "advice_code": decline.advice,
        "payment_method": method,
    }


def declined(intent: Json) -> Refusal:
    """The answer of the call that confirmed with the card, which the intent itself remembers."""
    return Refusal(
        402,
        kept=True,
        **intent["last_payment_error"],
        payment_intent=intent,
        request_log_url="https://dashboard.stripe.com/test/logs/req_sandbox",
    )
