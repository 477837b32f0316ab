"""AWS Lambda's handler: `coinslot.server.aws_lambda.handler`.

Lambda freezes the process between two events, so nothing may be under way then. A webhook is
followed before it is answered, as far as there is time, and is given back where there is not. What
a server does beside its requests is done by a scheduled event, `{"coinslot": "sweep"}`.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from coinslot import logs
from coinslot.errors import CoinslotError
from coinslot.metrics import RUNS
from coinslot.server.app import create_app, renew_services
from coinslot.server.asgi import AsgiApplication
from coinslot.server.lambda_events import Answer, body_of, scope_of
from coinslot.server.recurring_work import recurring_work
from coinslot.settings.deployment import load_settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from coinslot.services import Services
    from coinslot.settings.deployment import Settings

    Work = Callable[[], Awaitable[object]]

log = structlog.get_logger(__name__)

# Of the time that Lambda gives: for giving back what is not finished, and for the way out.
_RESERVE = 1.5
# Longer than this a connection is not trusted over a freeze: what is at its other end may have
# closed it, or forgotten it, while nothing here could notice.
_SECONDS_CONNECTIONS_LAST = 4.0


class Context(Protocol):
    """The part of Lambda's context that is used."""

    def get_remaining_time_in_millis(self) -> int: ...


class SweepIncompleteError(Exception):
    """Some of the scheduled work failed; Lambda counts it among its errors."""


class LambdaApplication:
    """The application in an event loop of its own, which runs while there is an event."""

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.new_event_loop()
        app = create_app(settings, loops=False)
        # Lambda says who is calling; the proxies' header is there as well, and nothing to warn of.
        app.ctx.told_of_proxy = True
        self._application = AsgiApplication(app)
        self._seconds_to_answer = settings.coinslot_response_seconds
        # By the wall clock: the monotonic one may stand still in a freeze.
        self.rested_since = time.time()
        self._loop.run_until_complete(self._start())

    def answer(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        until = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - _RESERVE
        work = self._sweep(until) if _is_sweep(event) else self._respond(event, until)
        return self._loop.run_until_complete(self._awake(work))

    def close(self) -> None:
        self._loop.run_until_complete(self._stop())
        self._loop.close()

    @property
    def _services(self) -> Services:
        services: Services = self._application.app.ctx.services
        return services

    async def _awake(self, work: Awaitable[dict[str, Any]]) -> dict[str, Any]:
        if time.time() - self.rested_since > _SECONDS_CONNECTIONS_LAST:
            await renew_services(self._application.app)
        try:
            return await work
        finally:
            self.rested_since = time.time()

    async def _respond(self, event: Mapping[str, Any], until: float) -> dict[str, Any]:
        answer = Answer()
        left = until - time.monotonic()
        self._application.seconds_to_answer = min(self._seconds_to_answer, max(left, 0.0))
        body = iter([{"type": "http.request", "body": body_of(event), "more_body": False}])

        async def receive() -> dict[str, Any]:
            return next(body, {"type": "http.disconnect"})

        await self._application(scope_of(event), receive, answer.send)
        await self._services.settle(max(until - time.monotonic(), 0.0))
        return answer.for_event(event)

    async def _sweep(self, until: float) -> dict[str, Any]:
        """Does what is due. What fails, or has no time left, is due again at the next turn."""
        services = self._services
        results = {}
        for name, work in _scheduled(services, self._application.app.ctx.settings).items():
            results[name] = await _result(name, work, until)
        await services.settle(max(until - time.monotonic(), 0.0))
        log.info("swept", **results)
        if failed := [name for name, result in results.items() if result == "failed"]:
            raise SweepIncompleteError(", ".join(failed))
        return results

    async def _start(self) -> None:
        """Opens Sanic's lifespan, which has to stay open in a task of its own."""
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._replies: asyncio.Queue[Any] = asyncio.Queue()
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}}
        self._lifespan = asyncio.create_task(
            self._application(scope, self._messages.get, self._replies.put)
        )
        await self._tell("startup")

    async def _stop(self) -> None:
        await self._tell("shutdown")
        await self._lifespan

    async def _tell(self, what: str) -> None:
        await self._messages.put({"type": f"lifespan.{what}"})
        reply = await self._replies.get()
        if reply["type"] != f"lifespan.{what}.complete":
            raise RuntimeError(reply.get("message"))


@cache
def _application() -> LambdaApplication:
    """The one of this process. What cannot be opened is tried again at the next event."""
    settings = load_settings()
    logs.configure(settings.secrets(), settings.coinslot_log_format, for_good=True)
    return LambdaApplication(settings)


def handler(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Answers one event."""
    return _application().answer(event, context)


# Before the first event: Lambda gives a whole processor for that, and later a part of one. What is
# wrong with the settings is the first event's to say, where somebody reads it.
if "AWS_LAMBDA_RUNTIME_API" in os.environ:
    with suppress(Exception):
        _application()


def _is_sweep(event: Mapping[str, Any]) -> bool:
    """True for our own event, and for the one that a schedule sends if it is given none."""
    return event.get("coinslot") == "sweep" or event.get("source") == "aws.events"


def _scheduled(services: Services, settings: Settings) -> dict[str, Work]:
    """All that servers do in loops, the most urgent first."""
    return {
        "webhooks": services.inbox.work_off,
        "deliver": services.deliveries.work_off,
        **{each.name: each.turn for each in recurring_work(services, settings)},
    }


async def _result(name: str, work: Work, until: float) -> str:
    result = "failed"
    try:
        async with asyncio.timeout(until - time.monotonic()):
            await work()
        result = "done"
    except TimeoutError:
        log.warning("scheduled_work_cut_short", work=name)
        result = "cut short"
    except CoinslotError as error:
        log.warning("scheduled_work_failed", work=name, code=error.code)
    except Exception:
        log.exception("scheduled_work_failed", work=name)
    RUNS.labels(name, result).inc()
    return result
