"""Stripe's lists: by creation, and by page."""

from __future__ import annotations

import operator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from simulators.stripe.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Callable

Json = dict[str, Any]

EVENTS_KEPT = 30 * 24 * 3600
_MOST_TYPES = 20
_BOUNDS = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}


def created_within(given: Any) -> Callable[[Json], bool]:  # noqa: ANN401 - as the form has it
    """`created=5` or `created[gte]=5&created[lt]=9`, in Unix seconds."""
    bounds = (
        given if isinstance(given, dict) else {} if given is None else {"gte": given, "lte": given}
    )
    if not all(name in _BOUNDS and str(text).isdigit() for name, text in bounds.items()):
        raise invalid("Invalid timestamp", param="created")
    return lambda each: all(
        _BOUNDS[name](each["created"], int(text)) for name, text in bounds.items()
    )


def chosen_types(form: dict[str, Any]) -> Callable[[str], bool]:
    """`type=charge.*`, or `types[]=…` for up to twenty names; not both."""
    one, several = form.get("type"), form.get("types")
    if one is not None and several is not None:
        raise invalid("You may pass either type or types", param="types")
    if several is not None and not (isinstance(several, list) and len(several) <= _MOST_TYPES):
        raise invalid("Invalid array: up to 20 event types", param="types")
    if several is not None:
        return lambda kind: kind in several
    return lambda kind: one is None or fnmatchcase(kind, one)


def page(url: str, found: list[Json], form: dict[str, Any]) -> Json:
    """Newest first; `limit` and `starting_after` as everywhere in Stripe's API."""
    newest = list(reversed(found))
    after = form.get("starting_after")
    if after is not None:
        ids = [each["id"] for each in newest]
        newest = newest[ids.index(after) + 1 :] if after in ids else []
    limit = max(1, min(int(form.get("limit", 10)), 100))
    return {
        "object": "list",
        "data": newest[:limit],
        "has_more": len(newest) > limit,
        "url": url,
    }
