"""The body of a webhook, which both versions of PortOne may send as JSON or as a form."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from coinslot.errors import InvalidRequest

_MOST_FIELDS = 50


def fields(body: bytes, *, form: bool) -> dict[str, Any]:
    """Raises `InvalidRequest`."""
    try:
        if form:
            return dict(parse_qsl(body.decode(), max_num_fields=_MOST_FIELDS))
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body does not parse") from error
    if not isinstance(found, dict):
        raise InvalidRequest("A PortOne webhook is an object")
    return found
