"""The ids of our orders, in what we are sent and in what we log."""

from __future__ import annotations

import re

from structlog.contextvars import bind_contextvars

ORDER_ID = re.compile(r"ord(_[A-Za-z0-9_-]{12,36}|[0-9a-f]{32})")


def bind_order(order_id: str | None, **about: object) -> None:
    """Binds the order, and `about`, to the log lines of this task.

    An id of another form is left out: a caller may have made it up.
    """
    if order_id is not None and ORDER_ID.fullmatch(order_id):
        about["order_id"] = order_id
    bind_contextvars(**about)
