"""The Sanic application: shared services, the headers of every answer, background loops."""

from __future__ import annotations

import asyncio
import gc
import signal
import time
from contextlib import AsyncExitStack
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from sanic import HTTPResponse, Request, Sanic
from sanic.config import Config
from sanic.http import Http
from sanic_ext import Extend
from sanic_ext.config import PRIORITY
from sanic_ext.extensions.http.extension import HTTPExtension

from coinslot import logs, metrics, traces
from coinslot.rate_limiter import RateLimiter
from coinslot.routes.blueprints import blueprints
from coinslot.server import backlog_metrics
from coinslot.server.background_loops import BackgroundLoops
from coinslot.server.backlog_metrics import BacklogMetrics
from coinslot.server.error_answers import JsonErrorHandler
from coinslot.server.listener import listener
from coinslot.server.metrics_server import metrics_served
from coinslot.server.readiness import Readiness
from coinslot.server.recurring_work import recurring_work
from coinslot.server.request_deadline import DeadlineProtocol
from coinslot.services import opened

App = Sanic[Config, SimpleNamespace]

if TYPE_CHECKING:
    from coinslot.services import Services
    from coinslot.settings.deployment import Settings

log = structlog.get_logger(__name__)

# Those who balance loads ask them every few seconds.
_NOT_TRACED = {"/health", "/ready"}

# Python's own 700 are made by a handful of requests.
_OBJECTS_PER_COLLECTION = 10_000

_SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# For a year. Of this host alone: what else the domain serves is not ours to decide.
_ONLY_HTTPS = "max-age=31536000"


def create_app(settings: Settings, *, loops: bool = True) -> App:
    """A new application. Names are unique, so that a process (a test's) may make many.

    Without `loops` nothing is done but what is asked for: a process that may be frozen between two
    requests has no time of its own.
    """
    app = Sanic(
        f"coinslot-{uuid4().hex[:8]}",
        error_handler=JsonErrorHandler(),
        configure_logging=False,
    )
    # It rewrites Sanic's own classes for the process, which a second application does not survive.
    app.config.TOUCHUP = False
    app.config.MOTD = False
    app.ctx.settings = settings
    app.ctx.has_loops = loops
    _bound(app, settings)
    _allow_origins(app, settings)
    for blueprint in blueprints():
        app.blueprint(blueprint)
    app.on_request(_begin)
    app.register_middleware(_finish, "response")  # type: ignore[arg-type]
    app.before_server_start(_open_shared)
    app.before_server_stop(_begin_to_stop)
    app.after_server_stop(_close_shared)
    return app


def serve(settings: Settings) -> None:
    """Serves until stopped, in this process. More of them may run beside each other.

    Raises `CannotListenError`.
    """
    sock = listener(*settings.listens_at)
    logs.configure(settings.secrets(), settings.coinslot_log_format, for_good=True)
    app = create_app(settings)
    # Leaves out of each request the signals that nobody listens to.
    app.config.TOUCHUP = True
    app.after_server_start(_collect_only_what_is_new)
    app.before_server_stop(_let_a_second_signal_end_it, priority=1)
    app.run(
        sock=sock,
        protocol=DeadlineProtocol,
        single_process=True,
        access_log=False,
        motd=False,
    )


def _bound(app: App, settings: Settings) -> None:
    """Sets the limits of a request, and which proxy is believed about its origin."""
    secret = settings.coinslot_forwarded_secret
    app.config.update(
        {
            "REQUEST_MAX_SIZE": settings.coinslot_body_limit,
            # A JWT holds its person's own words, and Sanic takes no more than this.
            "REQUEST_MAX_HEADER_SIZE": 16_384,
            "REQUEST_TIMEOUT": settings.coinslot_request_seconds,
            "RESPONSE_TIMEOUT": settings.coinslot_response_seconds,
            "KEEP_ALIVE_TIMEOUT": settings.coinslot_keep_alive_seconds,
            "PROXIES_COUNT": settings.coinslot_proxies or None,
            "REAL_IP_HEADER": settings.coinslot_real_ip_header,
            "FORWARDED_SECRET": secret.get_secret_value() if secret else None,
        }
    )


def _allow_origins(app: App, settings: Settings) -> None:
    app.config.CORS_ORIGINS = settings.cors_origins
    app.config.CORS_METHODS = ["GET", "POST"]
    app.config.CORS_ALLOW_HEADERS = ["authorization", "content-type", "idempotency-key"]
    app.config.CORS_EXPOSE_HEADERS = ["retry-after", "x-request-id"]
    app.config.CORS_ALWAYS_SEND = False
    app.config.CORS_MAX_AGE = 600
    Extend(app, extensions=[HTTPExtension], built_in_extensions=False)
    app.before_server_start(_open_signals, priority=PRIORITY + 1)
    app.before_server_start(_close_signals, priority=PRIORITY - 1)


async def _open_signals(app: App) -> None:
    """Sanic would compile its signals again with each HEAD and OPTIONS route that is now added."""
    app.signal_router.reset()  # type: ignore[no-untyped-call]


async def _close_signals(app: App) -> None:
    app.signalize(bool(app.config.TOUCHUP))


async def _open_shared(app: App) -> None:
    settings: Settings = app.ctx.settings
    shared = app.ctx.shared = AsyncExitStack()
    collector, share = settings.coinslot_traces_url, settings.coinslot_traces_share
    await shared.enter_async_context(traces.traced(collector, share))
    limiter = app.ctx.rate_limiter = RateLimiter(settings)
    shared.push_async_callback(limiter.close)
    app.ctx.services_opened = AsyncExitStack()
    await _open_services(app)
    if app.ctx.has_loops:
        await _begin_loops(settings, app.ctx.services, shared)


async def _open_services(app: App) -> None:
    settings: Settings = app.ctx.settings
    stack: AsyncExitStack = app.ctx.services_opened
    services = app.ctx.services = await stack.enter_async_context(opened(settings))
    metrics.expect_gateways(services.gateways)
    readiness = app.ctx.readiness = Readiness(services, settings)
    stack.push_async_callback(readiness.close)


async def renew_services(app: App) -> None:
    """Opens everything anew that has connections. Only while nothing is under way."""
    await app.ctx.services_opened.aclose()
    await _open_services(app)


async def _begin_loops(settings: Settings, services: Services, shared: AsyncExitStack) -> None:
    """Begins what a server does beside its requests. `shared` ends it."""
    services.inbox.start()
    services.deliveries.start()
    loops = BackgroundLoops(services.shutdown)
    for work in recurring_work(services, settings):
        turn = partial(services.shutdown.cutting_short, work.turn) if work.long else work.turn
        loops.repeat(work.name, turn, work.seconds)
    if settings.coinslot_metrics_port is not None:
        backlog = BacklogMetrics(services.database)
        loops.repeat("backlog", backlog.refresh, backlog_metrics.REFRESH_SECONDS, at_once=True)
        await shared.enter_async_context(metrics_served(settings, backlog))
    shared.push_async_callback(loops.close)


async def _collect_only_what_is_new(_app: App) -> None:
    """Spares the garbage collector everything that is loaded by now, and makes it run rarely.

    Hardly anything that a request leaves behind needs it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_PER_COLLECTION)


async def _let_a_second_signal_end_it(_app: App) -> None:
    """Sanic would take it for its own, and go on."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


async def _begin_to_stop(app: App) -> None:
    """Takes up no new work, and waits until the load balancer has noticed.

    Then Sanic answers the requests that are under way.
    """
    shutdown = app.ctx.services.shutdown
    if not shutdown.has_begun():
        log.info("stopping", seconds=shutdown.left())
    shutdown.begin()
    await asyncio.sleep(app.ctx.settings.coinslot_stop_notice_seconds)
    app.config.GRACEFUL_SHUTDOWN_TIMEOUT = shutdown.left()


async def _close_shared(app: App) -> None:
    """Ends the loops before what they work with."""
    try:
        await app.ctx.shared.aclose()
    finally:
        await app.ctx.services_opened.aclose()


async def _begin(request: Request) -> None:
    # Ours, not the client's: it goes into logs.
    request.ctx.request_id = str(uuid4())
    request.ctx.began = time.perf_counter()
    request.ctx.trace = None if request.path in _NOT_TRACED else traces.begin_request()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request.ctx.request_id)


async def _finish(request: Request, response: HTTPResponse) -> None:
    for name, value in _SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.app.ctx.settings.live:
        response.headers["Strict-Transport-Security"] = _ONLY_HTTPS
    if isinstance(request.stream, Http) and request.app.ctx.services.shutdown.has_begun():
        # Kept open it would be waited for until the deadline; the next request goes elsewhere.
        request.stream.keep_alive = False
    began = getattr(request.ctx, "began", None)
    if began is None:
        return
    response.headers["X-Request-ID"] = request.ctx.request_id
    seconds = time.perf_counter() - began
    metrics.request_answered(request.method, request.uri_template, response.status, seconds)
    traces.end_request(request.ctx.trace, request.method, request.uri_template, response.status)
    log.info(
        "request",
        method=request.method,
        path=logs.shown_path(request),
        status=response.status,
        ms=round(seconds * 1000, 1),
    )
    # The next thing that happens on this connection is not about this request.
    structlog.contextvars.clear_contextvars()
