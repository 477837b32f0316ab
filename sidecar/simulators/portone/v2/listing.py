"""PortOne V2's list of payments, by pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, Field, model_validator

Json = dict[str, Any]

# The filter's own word for what a payment calls PAY_PENDING.
_PENDING = "PENDING"
Status = Literal[
    "READY", "PENDING", "VIRTUAL_ACCOUNT_ISSUED", "PAID", "FAILED", "PARTIAL_CANCELLED", "CANCELLED"
]


class Page(BaseModel):
    number: int = Field(default=0, ge=0)
    size: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def _within_reach(self) -> Self:
        if (self.number + 1) * self.size > 60_000:
            raise ValueError("(number + 1) * size is more than 60,000")
        return self


class Filter(BaseModel):
    storeId: str | None = None  # noqa: N815 - PortOne's name
    timestampType: Literal["CREATED_AT", "STATUS_CHANGED_AT"] = "STATUS_CHANGED_AT"  # noqa: N815
    since: AwareDatetime | None = Field(default=None, alias="from")
    until: AwareDatetime | None = None
    status: list[Status] | None = None
    isTest: bool | None = None  # noqa: N815
    sortBy: Literal["REQUESTED_AT", "STATUS_CHANGED_AT"] = "REQUESTED_AT"  # noqa: N815
    sortOrder: Literal["DESC", "ASC"] = "DESC"  # noqa: N815


class Listing(BaseModel):
    page: Page = Page()
    filter: Filter = Filter()


def listed(attempts: list[Json], asked: Listing, now: int) -> Json:
    """One page of the payments, each by the attempt that is shown."""
    wanted = asked.filter
    until = wanted.until or datetime.fromtimestamp(now, UTC)
    since = wanted.since or until - timedelta(days=90)
    timed = "requestedAt" if wanted.timestampType == "CREATED_AT" else "statusChangedAt"
    found = [
        payment
        for payment in _shown(attempts)
        if since <= datetime.fromisoformat(payment[timed]) <= until and _fits(payment, wanted)
    ]
    by = "requestedAt" if wanted.sortBy == "REQUESTED_AT" else "statusChangedAt"
    found.sort(key=lambda payment: payment[by], reverse=wanted.sortOrder == "DESC")
    start = asked.page.number * asked.page.size
    return {
        "items": found[start : start + asked.page.size],
        "page": {**asked.page.model_dump(), "totalCount": len(found)},
    }


def shown(attempts: list[Json]) -> Json | None:
    """The attempt that stands for the payment: the one that succeeded, else the latest.

    `attempts` are those of one payment, oldest first.
    """
    paid = [each for each in attempts if "paidAt" in each]
    found = paid or attempts
    return found[-1] if found else None


def _shown(attempts: list[Json]) -> list[Json]:
    by_id: dict[str, list[Json]] = {}
    for each in attempts:
        by_id.setdefault(each["id"], []).append(each)
    return [payment for each in by_id.values() if (payment := shown(each))]


def _fits(payment: Json, wanted: Filter) -> bool:
    status = _PENDING if payment["status"] == "PAY_PENDING" else payment["status"]
    test = payment.get("channel", {}).get("type") == "TEST"
    return (wanted.status is None or status in wanted.status) and wanted.isTest in {None, test}
