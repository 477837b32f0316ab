"""PortOne V1's lists of payments: by order and by status."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

Json = dict[str, Any]

_LONGEST = 90 * 24 * 3600
_TIMES = {"ready": "started_at", "paid": "paid_at", "cancelled": "cancelled_at"}


class ListQuery(BaseModel):
    page: int = Field(default=1, ge=1)
    limit: int = Field(default=20, ge=1, le=1000)
    sorting: Literal["-started", "started", "-paid", "paid", "-updated", "updated"] = "-started"
    since: int | None = Field(default=None, alias="from")
    until: int | None = Field(default=None, alias="to")


def of_status(payments: list[Json], status: str, query: ListQuery, now: int) -> list[Json] | None:
    """The payments that came into their present status within the window.

    None for a window that is too long.
    """
    until = now if query.until is None else query.until
    since = until - _LONGEST if query.since is None else query.since
    if until - since > _LONGEST:
        return None
    return [
        payment
        for payment in payments
        if status in {"all", payment["status"]} and since <= _changed_at(payment) <= until
    ]


def in_order(payments: list[Json], sorting: str) -> list[Json]:
    """Sorts the payments. Within a second, the later attempt counts as the newer one."""
    field = sorting.lstrip("-")

    def moment(numbered: tuple[int, Json]) -> tuple[int, int]:
        number, payment = numbered
        times = [payment[f"{name}_at"] for name in ("started", "paid", "failed", "cancelled")]
        return (max(times) if field == "updated" else payment[f"{field}_at"], number)

    ordered = sorted(enumerate(payments), key=moment, reverse=sorting.startswith("-"))
    return [payment for _, payment in ordered]


def paged(found: list[Json], query: ListQuery) -> Json | None:
    """One page of the list; None beyond the last."""
    start = (query.page - 1) * query.limit
    if start >= len(found) and query.page > 1:
        return None
    more = start + query.limit < len(found)
    return {
        "total": len(found),
        "previous": query.page - 1,
        "next": query.page + 1 if more else 0,
        "list": found[start : start + query.limit],
    }


def _changed_at(payment: Json) -> int:
    return int(payment[_TIMES.get(payment["status"], "failed_at")])
