# ruff: noqa: N818 - named after what happened, such as NotFound or Unauthorized
"""Refusals and failures as plain exceptions: a sentence for people, a stable `code` for programs.

HTTP statuses are assigned in `coinslot.server.error_answers`. Only a status that came from outside
is carried here.
"""

from __future__ import annotations

import json
from typing import Any

# Characters that are kept of a gateway's own sentence.
LONGEST_SENTENCE = 300


class CoinslotError(Exception):
    """A refusal or a failure that the caller may read. `details` has further fields for it."""

    code = "invalid_request"
    sentence = "The request could not be understood"

    def __init__(
        self,
        sentence: str | None = None,
        *,
        code: str | None = None,
        **details: Any,  # noqa: ANN401 - JSON
    ) -> None:
        super().__init__(sentence or self.sentence)
        self.code = code or self.code
        self.details = details


class InvalidRequest(CoinslotError):
    """The body, the query or a header is not of the form this address takes."""


class InvalidText(InvalidRequest):
    """JSON can carry it, and no database can keep it: NUL, or half a character."""

    code = "invalid_text"
    sentence = "A text may hold neither NUL nor half a character"


class Unauthorized(CoinslotError):
    code = "unauthenticated"
    sentence = "Unauthorized"


class UnsupportedContentType(CoinslotError):
    code = "unsupported_content_type"
    sentence = "Send the body as application/json"


class InvalidPackage(CoinslotError):
    code = "invalid_package"
    sentence = "Invalid package"


class OrderNotFound(CoinslotError):
    code = "order_not_found"
    sentence = "Payment not found"


class PaymentRefused(CoinslotError):
    """Asked, and the answer is no: the order is not paid by this payment."""

    code = "payment_not_verified"
    sentence = "Payment not verified"

    def __init__(
        self,
        sentence: str | None = None,
        *,
        code: str | None = None,
        **details: Any,  # noqa: ANN401 - JSON
    ) -> None:
        super().__init__(sentence, code=code, **{"success": False, **details})


class EndpointNotFound(CoinslotError):
    code = "endpoint_not_found"
    sentence = "There is no such endpoint"


class SubscriptionNotFound(CoinslotError):
    code = "subscription_not_found"
    sentence = "Subscription not found"


class MethodNotStored(PaymentRefused):
    """Nothing was stored in the window, or it is somebody else's."""

    code = "method_not_stored"
    sentence = "The payment method was not stored. Try again, or use another"


class NoReceipt(CoinslotError):
    code = "no_receipt"
    sentence = "This payment has no receipt at its gateway"


class PdfMissing(CoinslotError):
    """This server makes no PDF: its extra, or the system's Pango, is not installed."""

    code = "pdf_missing"
    sentence = "This server makes no PDF: print the page, or install coinslot[pdf] and Pango"


class PaymentDeclined(PaymentRefused):
    """The gateway's no, with its own code and sentence. `gateway_status` is the HTTP status under
    which it said so."""

    def __init__(self, gateway_status: int, code: str, message: str) -> None:
        super().__init__(message, code=code)
        self.gateway_status = gateway_status


class AmountMismatch(PaymentRefused):
    code = "amount_mismatch"
    sentence = "Amount mismatch"


class AmountNotChargeable(PaymentRefused):
    """Refused for good: no buyer can pay an order of this price."""

    code = "amount_not_chargeable"
    sentence = "The payment gateway cannot charge this amount in this currency"


class InvalidPaymentKey(PaymentRefused):
    """Not the form of the gateway's ids, so it is never put into a gateway's address."""

    code = "invalid_payment_key"


class PaymentUnknownAtGateway(PaymentRefused):
    code = "payment_unknown_at_gateway"


class NothingToConfirm(PaymentRefused):
    """This gateway takes the money itself: no confirm of ours moves it."""

    code = "nothing_to_confirm"


class TryAgain(CoinslotError):
    code = "try_again"
    sentence = "Others are settling this order right now; try again"


class InvalidSignature(CoinslotError):
    """A webhook that the gateway did not sign, or not with a secret that is set here."""

    code = "invalid_signature"
    sentence = "The signature is not the gateway's"


class GatewayOff(CoinslotError):
    """Without its keys a gateway has no addresses here; without its webhook secret, no webhook."""

    code = "gateway_off"
    sentence = "This payment gateway is not set up here"


class GatewayUnavailable(CoinslotError):
    """Unreachable, 5xx or nonsense: the outcome is unknown and the order untouched.

    `retry_after`: seconds that the gateway asks for before it is asked again.
    """

    retry_after = 0.0
    code = "gateway_unavailable"
    sentence = "The payment gateway cannot be reached right now; nothing was changed"


class GatewayTimeout(GatewayUnavailable):
    code = "gateway_timeout"
    sentence = "The payment gateway did not answer in time; nothing was changed"


class RefundKeySpent(GatewayUnavailable):
    """Unknown, and repeating the call under its idempotency key would only repeat the answer."""

    code = "refund_unknown"


class RefundFailed(PaymentRefused):
    code = "refund_failed"
    sentence = "The payment gateway did not give the money back; nothing was taken"


class RefundDeclined(CoinslotError):
    """The gateway's no, with its own code and sentence."""

    code = "refund_declined"
    sentence = "The payment gateway declined the refund"

    def __init__(self, gateway_code: str, gateway_message: str) -> None:
        self.gateway_code = gateway_code[:100]
        self.gateway_message = gateway_message[:LONGEST_SENTENCE]
        super().__init__(gateway_code=self.gateway_code, gateway_message=self.gateway_message)


class TooManyRequests(CoinslotError):
    """`seconds`, whole ones, until there may be room for another."""

    code = "too_many_requests"
    sentence = "Too many requests in a short time; try again later"

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.retry_after = seconds


class SecretKeysMissing(CoinslotError):
    """No key is set to seal a secret with, or not the one with which it was sealed."""

    code = "secret_keys_missing"
    sentence = "This server has no COINSLOT_SECRET_KEYS, without which it keeps no secrets"


class SecretUnreadable(CoinslotError):
    """A sealed secret that was changed, or that stands where it does not belong."""

    code = "secret_unreadable"
    sentence = "A secret in the database is not as this server sealed it"


class DatabaseError(CoinslotError):
    """A refusal by the database: its SQLSTATE (`PT402`), a stable token, details and a sentence.

    `explained` is what `details` of the database said, as JSON. `retry_after` is in seconds, None
    where the database named no time.
    """

    def __init__(
        self, sqlstate: str, message: str, details: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(hint or message, code=message)
        self.sqlstate = sqlstate
        self.explained = _object(details)
        self.retry_after = self.explained.get("retry_after")


class DatabaseUnavailable(CoinslotError):
    code = "database_unavailable"
    sentence = "The database cannot be reached right now; try again"


class DatabaseBusy(DatabaseUnavailable):
    """The call took too long, or a lock stood in its way. Certainly nothing was done."""

    code = "database_busy"
    sentence = "The database is busy right now; nothing was changed. Try again in a moment"
    retry_after = 1


def _object(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
