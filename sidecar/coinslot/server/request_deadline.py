"""A deadline for the arrival of a request: a byte now and then keeps no connection open, and none
at all not for longer.

Sanic measures from the last byte. Here the time runs from the first byte of the header, and once
more for the body.
"""

from __future__ import annotations

import asyncio
from typing import Any

from sanic import Request
from sanic.exceptions import BadRequest, RequestTimeout, SanicException
from sanic.http import Http, Stage
from sanic.server import HttpProtocol


class DeadlineProtocol(HttpProtocol):
    """Sanic's own, but for its wait for more of a request, which ends at the deadline."""

    __slots__ = ("arriving", "deadline", "has_spoken")

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - Sanic's own
        super().__init__(**given)
        # The request whose body is waited for; None while it is a header.
        self.arriving: Request | None = None
        # In the loop's seconds; None until something is waited for.
        self.deadline: float | None = None
        # False until the connection has brought its first byte.
        self.has_spoken = False

    async def receive_more(self) -> None:
        http = self.http
        if http.stage is Stage.IDLE and http.request is None:
            await self._idle()
            self._start(None)
            return
        if self.deadline is None or self.arriving is not http.request:
            self._start(http.request)
        try:
            async with asyncio.timeout_at(self.deadline):
                await self._more()
        except TimeoutError:
            # What still comes of this is no request.
            http.keep_alive = False
            raise _refusal(http) from None

    async def _idle(self) -> None:
        """Waits for a request. Who has made one is waited for as long as Sanic keeps connections;
        who opens one and says nothing has no longer than a request may take, and is let go without
        a word."""
        try:
            async with asyncio.timeout(
                None if self.has_spoken else self.app.config.REQUEST_TIMEOUT
            ):
                await self._more()
        except TimeoutError:
            # As Sanic's own time-outs do.
            raise asyncio.CancelledError from None
        self.has_spoken = True

    async def _more(self) -> None:
        await super().receive_more()  # type: ignore[no-untyped-call]

    def _start(self, request: Request | None) -> None:
        self.arriving = request
        self.deadline = self.loop.time() + self.app.config.REQUEST_TIMEOUT


def _refusal(http: Http) -> SanicException:
    if http.stage in {Stage.REQUEST, Stage.HANDLER}:
        return RequestTimeout("The request did not arrive in time")
    # It is answered already. Sanic ends the connection without a word.
    return BadRequest("The rest of the request did not arrive in time")
