"""Toss's refusals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import structlog

from coinslot.errors import LONGEST_SENTENCE, GatewayUnavailable
from coinslot.gateways.http import json_object
from coinslot.text import storable

if TYPE_CHECKING:
    import httpx

log = structlog.get_logger(__name__)

OUR_KEYS = {"UNAUTHORIZED_KEY", "INVALID_API_KEY", "INCORRECT_BASIC_AUTH_FORMAT"}
# 4xx, and yet no answer to whether money moved.
UNKNOWN = {"PROVIDER_ERROR", "CARD_PROCESSING_ERROR", "FORBIDDEN_CONSECUTIVE_REQUEST"}
# Of a confirm: 4xx, and yet no answer to whether the money was taken.
CONFIRM_UNKNOWN = UNKNOWN | {"ALREADY_PROCESSED_PAYMENT"}
# Not this payment's: the order was paid, or canceled, by another one. Ours may be the one that took
# it, and nobody heard the answer.
TAKEN_BEFORE = "DUPLICATED_ORDER_ID"
# Another call under the key is still under way, or there were too many: nothing is stored yet.
LATER = {409, 429}
_CODE = re.compile(r"[A-Z][A-Z0-9_]{2,99}")


def error(response: httpx.Response) -> tuple[str | None, str]:
    """Toss's code and sentence; no code for what is no answer of Toss's."""
    try:
        body = json_object(response)
    except GatewayUnavailable:
        return None, ""
    code, message = body.get("code"), body.get("message")
    known = isinstance(code, str) and _CODE.fullmatch(code)
    return code if known else None, storable(str(message or code))[:LONGEST_SENTENCE]


def is_kept(status: int, code: str | None) -> bool:
    """True of an error of Toss's own that leaves the outcome open, and that the idempotency key
    repeats from then on."""
    if code is None or status in LATER:
        return False
    return status >= 500 or code in UNKNOWN


def refused(call: str, status: int, code: str | None) -> GatewayUnavailable:
    """A refusal that no buyer can mend: keys, a setting, or an outage in disguise."""
    log.error("gateway_refused", gateway="toss", call=call, status=status, code=code)
    ours = code in OUR_KEYS
    return GatewayUnavailable(code="gateway_rejected_keys" if ours else "gateway_refused")
