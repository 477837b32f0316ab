"""Structured logs on stderr; secrets and JWTs are blanked wherever they turn up."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Literal

import structlog

from coinslot.text import shown

if TYPE_CHECKING:
    from sanic import Request

# A person's JWT: not one of our settings, but it grants access.
_JWT = re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?")

# Paths of lower-case letters only: they hold no id, so they may be logged.
_PLAIN = re.compile(r"[a-z/_.]{1,60}")

# What structlog writes over several lines.
_OF_MANY_LINES = frozenset({"exception", "stack"})

Event = MutableMapping[str, Any]
Processor = Callable[[Any, str, Event], Event]


def configure(
    secrets: Iterable[str],
    fmt: Literal["console", "json"],
    *,
    for_good: bool = False,
    quiet: bool = False,
) -> None:
    """Before the first line is logged. `for_good`: nobody configures it again in this process, so
    that each module's logger is put together once, not for every line. `quiet`: nothing is shown
    but what nobody expects."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        blank(secrets),
        printable,
    ]
    renderer = _renderer(fmt)
    # Our own lines are written as they are: the way through `logging` would double what each costs.
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.CRITICAL if quiet else logging.INFO
        ),
        cache_logger_on_first_use=for_good,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.CRITICAL if quiet else logging.INFO)
    # They name each address they call, or are asked for, whole and at INFO: our own lines say it
    # with the order, and without what somebody chose. A gateway's own library its client quiets.
    for library in ("httpx", "sanic.root"):
        logging.getLogger(library).setLevel(logging.WARNING)


def shown_path(request: Request) -> str:
    """The path, unless it holds what may be an id or anything else that somebody chose."""
    return request.path if _PLAIN.fullmatch(request.path) else request.uri_template or "…"


def blank(secrets: Iterable[str]) -> Processor:
    """A processor that replaces each secret, and each JWT, in any text of an event by `***`."""
    known = sorted({s for s in secrets if s}, key=len, reverse=True)

    def process(_logger: Any, _method: str, event: Event) -> Event:  # noqa: ANN401 - structlog's
        return {key: _blanked(value, known) for key, value in event.items()}

    return process


def printable(_logger: object, _method: str, event: Event) -> Event:
    """Shows what would steer a terminal, or begin another line, as an escape. Anybody may have
    written it: a caller, a gateway. Only the lines of a traceback stay lines."""
    return {
        key: shown(value, keep="\n" if key in _OF_MANY_LINES else "")
        if isinstance(value, str)
        else value
        for key, value in event.items()
    }


def _blanked(value: object, secrets: list[str]) -> object:
    if isinstance(value, dict):
        return {key: _blanked(each, secrets) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_blanked(each, secrets) for each in value]
    if not isinstance(value, str):
        return value
    for secret in secrets:
        value = value.replace(secret, "***")
    return _JWT.sub("***", value) if "eyJ" in value else value


def _renderer(fmt: Literal["console", "json"]) -> Any:  # noqa: ANN401 - structlog's
    if fmt == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
