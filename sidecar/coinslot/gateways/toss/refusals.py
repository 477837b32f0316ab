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


def refused(call: str, status: int, code: str | None) -> GatewayUnavailable:
    """A refusal that no buyer can mend: keys, a setting, or an outage in disguise."""
    log.error("gateway_refused", gateway="toss", call=call, status=status, code=code)
    ours = code in OUR_KEYS
    return GatewayUnavailable(code="gateway_rejected_keys" if ours else "gateway_refused")
