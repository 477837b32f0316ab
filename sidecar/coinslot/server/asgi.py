"""Coinslot as an ASGI application, for servers other than its own.

    uvicorn coinslot.server.asgi:app

The settings are read when the server begins its lifespan, so that importing this costs nothing and
a wrong one ends the start with a sentence. Sanic has its limits in its own server. Here they hold
under any other: the size of a body, the time that it may take to arrive, the time of an answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog
from sanic.exceptions import (
    PayloadTooLarge,
    RequestCancelled,
    RequestTimeout,
    SanicException,
    ServiceUnavailable,
)

from coinslot import logs
from coinslot.server.app import create_app
from coinslot.server.error_answers import framework_refusal
from coinslot.settings.deployment import SettingsError, load_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from coinslot.server.app import App

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

log = structlog.get_logger(__name__)


class AsgiApplication:
    """One application, within the limits of its settings."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.seconds_to_answer: float = app.config.RESPONSE_TIMEOUT

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            # Sanic would say something of a websocket that it does not serve.
            await send({"type": "websocket.close"})

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope.get("raw_path") is None:
            scope = {**scope, "raw_path": quote(scope["path"]).encode()}
        sending = _Sending(send)
        try:
            async with asyncio.timeout(self.seconds_to_answer):
                await self.app(scope, _Arriving(self.app, scope, receive), sending)
        except RequestCancelled:
            log.info("client_gone")
        except TimeoutError:
            await sending.refuse(ServiceUnavailable("The answer took too long"))
        except SanicException as refusal:
            # Of what is no request at all, Sanic makes none that it could answer.
            await sending.refuse(refusal)


class _Arriving:
    """The body as it comes, as long as there is not too much of it and it comes in time."""

    def __init__(self, app: App, scope: Message, receive: Receive) -> None:
        self._receive = receive
        self._left = app.config.REQUEST_MAX_SIZE
        self._until = asyncio.get_running_loop().time() + app.config.REQUEST_TIMEOUT
        self._announced = _content_length(scope)

    async def __call__(self) -> Message:
        if self._announced > self._left:
            raise PayloadTooLarge("Request body exceeds the size limit")
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            raise RequestTimeout("The request did not arrive in time") from None
        if message["type"] == "http.disconnect":
            # Half a body is no body.
            raise RequestCancelled
        self._announced = 0
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise PayloadTooLarge("Request body exceeds the size limit")
        return message


class _Sending:
    """The answer as it goes, or a refusal where none has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._has_begun = False

    async def __call__(self, message: Message) -> None:
        self._has_begun = True
        await self._send(message)

    async def refuse(self, refusal: SanicException) -> None:
        if self._has_begun:
            return
        answer = framework_refusal(refusal)
        await self(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(b"content-type", b"application/json")],
            }
        )
        await self({"type": "http.response.body", "body": answer.body})


class DeployedApplication:
    """The application that the environment and `.env` describe, made when a server starts it."""

    def __init__(self) -> None:
        self._application: AsgiApplication | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if self._application is None:
            if scope["type"] != "lifespan":
                message = "the server has to support the lifespan protocol, and have it on"
                raise RuntimeError(message)
            try:
                settings = load_settings()
            except SettingsError as error:
                await receive()
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            logs.configure(settings.secrets(), settings.coinslot_log_format)
            self._application = AsgiApplication(create_app(settings))
        await self._application(scope, receive, send)


def _content_length(scope: Message) -> int:
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value)
    return 0


app = DeployedApplication()
"""The application to name to a server."""
