"""One payment as one trace: from its webhook through the inbox and the gateway to the ledger."""

from __future__ import annotations

import gzip
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sanic import HTTPResponse, Request, Sanic
from sanic.response import raw

from coinslot import traces
from coinslot.payments.settlements import Settlements
from coinslot.server.app import create_app
from coinslot.services import opened
from coinslot.webhooks.worker import Hint, WebhookWorker
from tests.support.servers import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from opentelemetry.proto.trace.v1.trace_pb2 import Span

    from tests.support.shop import Shop

WEBHOOK = "POST /payment/<gateway:str>/webhook"


@dataclass
class Collector:
    """All that was sent to it, once the server that sent it has stopped."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)

    def spans(self) -> list[Span]:
        found = []
        for body in self.bodies:
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                found += [span for scope in resource.scope_spans for span in scope.spans]
        return found

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans() if span.name == name]

    def below(self, name: str) -> list[Span]:
        """The spans of the trace that begins with this one, as they began."""
        [root] = self.named(name)
        trace = [span for span in self.spans() if span.trace_id == root.trace_id]
        return sorted(trace, key=lambda span: span.start_time_unix_nano)


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    app = Sanic(f"collector-{uuid4().hex[:8]}", configure_logging=False)
    app.config.TOUCHUP = app.config.AUTO_EXTEND = False
    collector = Collector()

    async def take(request: Request) -> HTTPResponse:
        packed = request.headers.get("content-encoding") == "gzip"
        collector.bodies.append(gzip.decompress(request.body) if packed else request.body)
        return raw(b"", content_type="application/x-protobuf")

    app.add_route(take, "/v1/traces", methods=["POST"])
    async with running(app) as url:
        collector.url = url
        yield collector


def attributes(span: Span) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


async def test_a_payment_is_one_trace(shop: Shop) -> None:
    async with collecting() as collector:
        settings = shop.settings(coinslot_traces_url=collector.url)
        async with running(create_app(settings)) as url:
            there = replace(shop, sidecar=url)
            order_id = await there.order()
            imp_uid = await there.pay(order_id)
            assert (await there.webhook(order_id, imp_uid)).status_code == 200
            assert await there.followed(order_id) == ["credited"]
            await shop.http.get(f"{url}/health")
    # Another app's sweep over the same database settles others' orders in traces of its own.
    trace = collector.below(WEBHOOK)
    names = [span.name for span in trace]
    assert [name for name in names if not name.startswith("HTTP")] == [
        WEBHOOK,
        "webhook stored",
        "rpc coinslot_store_webhook",
        "webhook followed",
        "settle",
        "gateway read",
        "rpc coinslot_apply_gateway_payment",
    ]
    assert "HTTP GET" in names
    stored, followed = (trace[names.index(f"webhook {done}")] for done in ("stored", "followed"))
    assert attributes(stored)["coinslot.webhook"] == attributes(followed)["coinslot.webhook"]
    settled = trace[names.index("settle")]
    told = {"order": order_id, "source": "webhook", "gateway": "portone", "outcome": "credited"}
    assert attributes(settled) == {f"coinslot.{name}": value for name, value in told.items()}
    assert collector.named("GET /health") == []


async def test_what_a_sweep_follows_is_found_by_the_webhooks_id(shop: Shop) -> None:
    """The way there is not in the webhook's row: its id is in both traces."""
    order_id = await shop.order()
    imp_uid = await shop.pay(order_id)
    async with (
        collecting() as collector,
        opened(shop.settings()) as services,
        traces.traced(collector.url, 1),
    ):
        order = await services.database.as_service().open_payment(order_id)
        hint = Hint(4711, "portone", order_id, imp_uid, time.monotonic() + 20, order)
        await WebhookWorker(
            services.database, services.gateways, Settlements(services.database)
        ).follow(hint)
    [followed] = collector.named("webhook followed")
    assert attributes(followed)["coinslot.webhook"] == 4711
    names = [span.name for span in collector.below("webhook followed")]
    assert names[:2] == ["webhook followed", "settle"]


async def test_nothing_is_told_that_somebody_chose_or_that_is_secret(shop: Shop) -> None:
    async with collecting() as collector:
        settings = shop.settings(coinslot_traces_url=collector.url)
        async with running(create_app(settings)) as url:
            there = replace(shop, sidecar=url)
            order_id, imp_uid = await there.bought()
            await there.webhook(order_id, imp_uid, status="somebody@example.com")
            for path in (f"/payment/{order_id}", "/payment/somebody@example.com", "/x?y=secret"):
                headers = {**shop.jwt, "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
                await shop.http.get(url + path, headers=headers)
            await there.complete("ord_not_there_0123", "imp_not_there")
            await there.followed(order_id)
    sent = b"".join(collector.bodies)
    secrets = [imp_uid, shop.buyer.token, shop.buyer.email, shop.buyer.id, *settings.secrets()]
    for chosen in (*secrets, "somebody", "secret", "a" * 32):
        assert chosen.encode() not in sent, chosen
    assert bytes.fromhex("aa" * 16) not in sent
    with_order = {span.name for span in collector.spans() if order_id in str(span)}
    assert with_order == {"settle"}
    names = {span.name for span in collector.spans()}
    assert "other other" in names
    assert any(name.startswith("GET /payment/<") for name in names)


async def test_a_collector_that_is_away_disturbs_nobody(shop: Shop) -> None:
    settings = shop.settings(coinslot_traces_url="http://127.0.0.1:1")
    async with running(create_app(settings)) as url:
        await replace(shop, sidecar=url).bought()


def test_off_nothing_is_loaded_and_a_span_is_always_the_same() -> None:
    assert traces.span("a", order="b") is traces.span("c")
    with traces.span("a") as told:
        told.tell(outcome="credited")
    assert traces.begin_request() is None
    loaded = "import sys, coinslot.server.app; print('opentelemetry' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    assert said.stdout == "False\n"


def test_an_error_is_told_by_its_code_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import (  # noqa: PLC0415
        InMemorySpanExporter,
    )

    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(traces, "_tracer", provider.get_tracer("t"))
    with pytest.raises(ValueError, match="Mina"), traces.span("x"):
        raise ValueError("Mina lives in Seoul")
    [span] = kept.get_finished_spans()
    assert dict(span.attributes or {}) == {"coinslot.error": "ValueError"}
    assert (span.status.is_ok, span.status.description, span.events) == (False, None, ())
