"""A deadline for the arrival of a request: a byte now and then keeps no connection open.

Sanic measures from the last byte. Here the time runs from the first byte of the header, and once
more for the body.
"""

from __future__ import annotations

import asyncio

from sanic import Request
from sanic.exceptions import RequestTimeout
from sanic.http import Http, Stage
from sanic.server import HttpProtocol


class DeadlineRequest(Request):
    async def receive_body(self) -> None:
        try:
            async with asyncio.timeout(self.app.config.REQUEST_TIMEOUT):
                await super().receive_body()  # type: ignore[no-untyped-call]
        except TimeoutError:
            self._give_up()
            raise RequestTimeout("The body did not arrive in time") from None

    def _give_up(self) -> None:
        """Ends the connection after the answer: what still comes of this body is no request."""
        if isinstance(self.stream, Http):
            self.stream.request_body = None
            self.stream.keep_alive = False


class DeadlineProtocol(HttpProtocol):
    def data_received(self, data: bytes) -> None:
        before = self._time
        super().data_received(data)
        http = self.http
        under_way = http is not None and http.stage is not Stage.IDLE
        # An answer was given already, and its request still trickles in.
        leftover = http is not None and getattr(http, "request_body", None)
        if under_way or leftover:
            self._time = before
