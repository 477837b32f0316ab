"""The answers to failures: the HTTP status of each exception, and its JSON.

Clients get `{"error": sentence, "code": token}` and the exception's own details. A failure that
nobody foresaw is logged, and answered without details.
"""

from __future__ import annotations

import structlog
from sanic import HTTPResponse, Request
from sanic.exceptions import RequestCancelled, SanicException
from sanic.handlers import ErrorHandler
from sanic.response import json

from coinslot import errors
from coinslot.errors import CoinslotError, DatabaseError, PaymentDeclined
from coinslot.logs import shown_path

log = structlog.get_logger(__name__)

_STATUSES: dict[type[CoinslotError], int] = {
    CoinslotError: 400,
    errors.Unauthorized: 401,
    errors.InvalidSignature: 401,
    errors.OrderNotFound: 404,
    errors.NoReceipt: 404,
    errors.PdfMissing: 501,
    errors.EndpointNotFound: 404,
    errors.SubscriptionNotFound: 404,
    errors.GatewayOff: 404,
    errors.RefundDeclined: 409,
    errors.RefundFailed: 409,
    errors.UnsupportedContentType: 415,
    errors.TooManyRequests: 429,
    errors.GatewayUnavailable: 502,
    errors.DatabaseUnavailable: 503,
    errors.TryAgain: 503,
    errors.SecretKeysMissing: 503,
    errors.SecretUnreadable: 500,
    errors.GatewayTimeout: 504,
}
"""An exception without a row has the status of its parent."""

# What the framework refuses: the code and, where its own words do not fit, the sentence.
_FRAMEWORK = {
    400: ("invalid_request", None),
    404: ("not_found", "There is nothing at this address"),
    405: ("method_not_allowed", "This address does not take that method"),
    408: ("request_timeout", "The request did not arrive in time"),
    413: ("body_too_large", "The body is larger than this server takes"),
    417: ("expectation_failed", None),
    503: ("unavailable", None),
}


def status_of(error: CoinslotError) -> int:
    """The HTTP status of an exception: the database's `PTnnn` is nnn, a decline has its gateway's
    own."""
    if isinstance(error, DatabaseError):
        return int(error.sqlstate.removeprefix("PT"))
    if isinstance(error, PaymentDeclined):
        return error.gateway_status
    return next(_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES)


class JsonErrorHandler(ErrorHandler):
    """Every failure leaves as JSON."""

    def default(self, request: Request, exception: Exception) -> HTTPResponse:
        if isinstance(exception, CoinslotError):
            return _refusal(exception)
        if isinstance(exception, SanicException) and exception.status_code in _FRAMEWORK:
            return framework_refusal(exception)
        if isinstance(exception, RequestCancelled):
            log.info("client_gone", path=shown_path(request))
            return json(None, status=499)
        return _unexpected(request, exception)


def _refusal(error: CoinslotError) -> HTTPResponse:
    status = status_of(error)
    seconds = getattr(error, "retry_after", None) if status in {429, 503} else None
    headers = {"Retry-After": str(seconds)} if seconds else {}
    body = {"error": str(error), "code": error.code, **error.details}
    return json(body, status=status, headers=headers)


def framework_refusal(exception: SanicException) -> HTTPResponse:
    """The answer to what the framework refuses, with a status that `_FRAMEWORK` has."""
    code, sentence = _FRAMEWORK[exception.status_code]
    headers = {k: str(v) for k, v in exception.headers.items() if k.lower() == "allow"}
    body = {"error": sentence or str(exception), "code": code}
    return json(body, status=exception.status_code, headers=headers)


def _unexpected(request: Request, exception: Exception) -> HTTPResponse:
    log.error("unexpected_error", exc_info=exception)
    body = {
        "error": "Something went wrong on our side",
        "code": "internal",
        "request_id": getattr(request.ctx, "request_id", None),
    }
    return json(body, status=500)
