# ruff: noqa: N818 - named after what happened, as Sanic names its own (NotFound, Unauthorized)
"""Exceptions with the status and the body that clients get: `{"error": sentence, "code": token}`.

`error` is for people and follows the two seed documents where they name it; `code` is for programs
and stays what it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import structlog
from sanic.exceptions import RequestCancelled, SanicException
from sanic.handlers import ErrorHandler
from sanic.response import json

from sidecar.logs import shown_path

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

log = structlog.get_logger(__name__)

_RETRY_AFTER = re.compile(r'"retry_after": (\d+)')


class ApiError(SanicException):
    """A refusal that the client may read. `body` adds fields to the answer."""

    status_code = 400
    code = "invalid_request"
    sentence = "The request could not be understood"
    quiet = True

    def __init__(
        self,
        sentence: str | None = None,
        *,
        code: str | None = None,
        **body: Any,  # noqa: ANN401 - JSON
    ) -> None:
        super().__init__(sentence or self.sentence)
        self.code = code or self.code
        self.body = body


class InvalidRequest(ApiError):
    """The body, the query or a header is not of the form this address takes."""


class Unauthorized(ApiError):
    status_code = 401
    code = "unauthenticated"
    sentence = "Unauthorized"


class UnsupportedContentType(ApiError):
    status_code = 415
    code = "unsupported_content_type"
    sentence = "Send the body as application/json"


class InvalidPackage(ApiError):
    code = "invalid_package"
    sentence = "Invalid package"


class PaymentNotFound(ApiError):
    status_code = 404
    code = "order_not_found"
    sentence = "Payment not found"


class PaymentRefused(ApiError):
    """Asked, and the answer is no: the order is not paid by this payment."""

    code = "payment_not_verified"
    sentence = "Payment not verified"

    def __init__(
        self,
        sentence: str | None = None,
        *,
        code: str | None = None,
        **body: Any,  # noqa: ANN401 - JSON
    ) -> None:
        super().__init__(sentence, code=code, **{"success": False, **body})


class AmountMismatch(PaymentRefused):
    code = "amount_mismatch"
    sentence = "Amount mismatch"


class InvalidPaymentKey(PaymentRefused):
    """Not the form of the gateway's ids, so it is never put into a gateway's address."""

    code = "invalid_payment_key"


class PaymentUnknownAtGateway(PaymentRefused):
    code = "payment_unknown_at_gateway"


class TryAgain(ApiError):
    status_code = 503
    code = "try_again"
    sentence = "Others are settling this order right now; try again"


class InvalidSignature(ApiError):
    """A webhook that the gateway did not sign, or not with a secret that is set here."""

    status_code = 401
    code = "invalid_signature"
    sentence = "The signature is not the gateway's"


class GatewayOff(ApiError):
    """Without its keys a gateway has no addresses here; without its webhook secret, no webhook."""

    status_code = 404
    code = "gateway_off"
    sentence = "This payment gateway is not set up here"


class GatewayUnavailable(ApiError):
    """Unreachable, 5xx or nonsense: the outcome is unknown and the order untouched.

    `retry_after`: seconds that the gateway asks for before it is asked again.
    """

    retry_after = 0.0
    status_code = 502
    code = "gateway_unavailable"
    sentence = "The payment gateway cannot be reached right now; nothing was changed"


class GatewayTimeout(GatewayUnavailable):
    status_code = 504
    code = "gateway_timeout"
    sentence = "The payment gateway did not answer in time; nothing was changed"


class RefundKeySpent(GatewayUnavailable):
    """Unknown, and repeating the call under its idempotency key would only repeat the answer."""

    code = "refund_unknown"


class RefundDeclined(ApiError):
    """The gateway's no, with its own code and sentence."""

    status_code = 409
    code = "refund_declined"
    sentence = "The payment gateway declined the refund"

    def __init__(self, gateway_code: str, message: str) -> None:
        super().__init__(gateway_code=gateway_code[:100], gateway_message=message[:300])


class TooManyRequests(ApiError):
    """`seconds`, whole ones, until there may be room for another."""

    status_code = 429
    code = "too_many_requests"
    sentence = "Too many requests in a short time; try again later"

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(seconds)}


class DatabaseError(ApiError):
    """A refusal by the database, with PostgREST's four fields: `PTnnn` is HTTP nnn, the message a
    stable token, the hint a sentence."""

    def __init__(
        self, code: str, message: str, details: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(hint or message, code=message)
        self.status_code = int(code.removeprefix("PT"))
        self.sqlstate = code
        self.details = details
        seconds = _RETRY_AFTER.search(details or "")
        if self.status_code == 429 and seconds:
            self.headers = {"Retry-After": seconds[1]}


class DatabaseUnavailable(ApiError):
    status_code = 503
    code = "database_unavailable"
    sentence = "The database cannot be reached right now; try again"


_CODES = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "body_too_large",
    417: "expectation_failed",
    503: "unavailable",
}


class JsonErrorHandler(ErrorHandler):
    """Every failure leaves as JSON; what nobody foresaw is logged and answered without details."""

    def default(self, request: Request, exception: Exception) -> HTTPResponse:
        if isinstance(exception, ApiError):
            body = {"error": str(exception), "code": exception.code, **exception.body}
            return json(body, status=exception.status_code, headers=exception.headers)
        if isinstance(exception, SanicException) and exception.status_code in _CODES:
            return self._framework_refusal(exception)
        if isinstance(exception, RequestCancelled):
            log.info("client_gone", path=shown_path(request))
            return json(None, status=499)
        return self._unexpected(request, exception)

    @staticmethod
    def _framework_refusal(exception: SanicException) -> HTTPResponse:
        status = exception.status_code
        headers = {k: str(v) for k, v in exception.headers.items() if k.lower() == "allow"}
        body = {"error": _SENTENCES.get(status, str(exception)), "code": _CODES[status]}
        return json(body, status=status, headers=headers)

    @staticmethod
    def _unexpected(request: Request, exception: Exception) -> HTTPResponse:
        request_id = getattr(request.ctx, "request_id", None)
        log.error("unexpected_error", exc_info=exception)
        body = {
            "error": "Something went wrong on our side",
            "code": "internal",
            "request_id": request_id,
        }
        return json(body, status=500)


_SENTENCES = {
    404: "There is nothing at this address",
    405: "This address does not take that method",
    408: "The request did not arrive in time",
    413: "The body is larger than this server takes",
}
