"""The ids of our orders, in what we are sent and in what we log."""

from __future__ import annotations

import re

from structlog.contextvars import bind_contextvars

ORDER_ID = re.compile(r"ord_[A-Za-z0-9_-]{12,36}")


def bind_order(order_id: str | None, **about: object) -> None:
    """Names the order, and what else it is about, in each line of this task from now on. What has
    not the form of our ids is nothing but what somebody sent."""
    if order_id is not None and ORDER_ID.fullmatch(order_id):
        about["order_id"] = order_id
    bind_contextvars(**about)
