"""Traces for OpenTelemetry, where an operator wants them: one payment from its webhook through the
inbox and the gateway to the ledger.

Off, nothing of OpenTelemetry is loaded, and a span is a shared object that does nothing. Names and
attributes are few and known beforehand: templates of routes, names of RPCs, hosts, kinds. Of ids
there are the order's and the webhook's, as in the logs; nothing is kept of what an error said.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import structlog

from coinslot.release import VERSION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractContextManager

    from opentelemetry.trace import Span, Tracer

log = structlog.get_logger(__name__)

# For what is not sent yet when a server stops.
_SECONDS_TO_SEND = 3.0


class _Nothing:
    """A span that is none."""

    def tell(self, **about: str | int | None) -> None:
        """Nothing."""


class Traced:
    """A span that goes to a collector."""

    def __init__(self, span: Span) -> None:
        self._span = span

    def tell(self, **about: str | int | None) -> None:
        """Adds attributes. One that is None is left out."""
        for name, value in about.items():
            if value is not None:
                self._span.set_attribute(f"coinslot.{name}", value)


_NOTHING: AbstractContextManager[_Nothing] = nullcontext(_Nothing())
_tracer: Tracer | None = None


def span(name: str, **about: str | int | None) -> AbstractContextManager[_Nothing | Traced]:
    """A part of a trace while it lasts. `name` and `about` hold nothing that a caller chose."""
    return _NOTHING if _tracer is None else _traced(_tracer, name, about)


@contextmanager
def _traced(tracer: Tracer, name: str, about: dict[str, str | int | None]) -> Iterator[Traced]:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - loaded where traces are on

    # What an error says may be a buyer's own words: its kind is enough.
    with tracer.start_as_current_span(
        name, record_exception=False, set_status_on_exception=False
    ) as begun:
        traced = Traced(begun)
        traced.tell(**about)
        try:
            yield traced
        except Exception as error:
            traced.tell(error=getattr(error, "code", None) or type(error).__name__)
            begun.set_status(StatusCode.ERROR)
            raise


def begin_request() -> Any:  # noqa: ANN401 - a span and what ends it
    """The span of a request that has begun; None where traces are off. A caller's own is not
    continued: it may be anybody's."""
    if _tracer is None:
        return None
    from opentelemetry import context, trace  # noqa: PLC0415

    begun = _tracer.start_span("request", context=context.Context(), kind=trace.SpanKind.SERVER)
    return begun, context.attach(trace.set_span_in_context(begun))


def end_request(begun: Any, method: str, template: str | None, status: int) -> None:  # noqa: ANN401
    """Names the request by its route's template."""
    if begun is None:
        return
    from opentelemetry import context  # noqa: PLC0415
    from opentelemetry.trace import StatusCode  # noqa: PLC0415

    span, token = begun
    route, known = template or "other", method if template else "other"
    span.update_name(f"{known} {route}")
    span.set_attribute("http.request.method", known)
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
    span.end()
    # What happens next on this connection is another trace.
    context.detach(token)


@asynccontextmanager
async def traced(url: str | None, share: float) -> AsyncIterator[None]:
    """Sends spans to the collector at `url` while this lasts; nothing without one. `share` of all
    traces are kept, each of them whole."""
    global _tracer  # noqa: PLW0603 - one for the process, as its metrics are
    if url is None:
        yield
        return
    provider = _provider(url, share)
    _tracer = provider.get_tracer("coinslot", VERSION)
    log.info("traces_on", share=share)
    try:
        yield
    finally:
        _tracer = None
        try:
            async with asyncio.timeout(_SECONDS_TO_SEND):
                await asyncio.to_thread(provider.shutdown)
        except TimeoutError:
            log.warning("traces_not_sent")


def _provider(url: str, share: float) -> Any:  # noqa: ANN401 - OpenTelemetry's, if it is there
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio  # noqa: PLC0415

    about = {"service.name": "coinslot", "service.version": VERSION}
    provider = TracerProvider(
        sampler=ParentBasedTraceIdRatio(share), resource=Resource(about), shutdown_on_exit=False
    )
    exporter = OTLPSpanExporter(endpoint=f"{url}/v1/traces", timeout=int(_SECONDS_TO_SEND))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider
