"""A function that was frozen: what was open before is not trusted after."""

from __future__ import annotations

import asyncio
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.server.aws_lambda import LambdaApplication
from tests.support.sidecars import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ORDER = {
    "version": "2.0",
    "rawPath": "/payment/ord_ffffffffffffffff",
    "headers": {"authorization": "Bearer a.b.c"},
    "requestContext": {"http": {"method": "GET", "sourceIp": "203.0.113.9"}},
}


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 10_000


@contextmanager
def counted_database() -> Iterator[tuple[str, list[int]]]:
    """An address that refuses each call, and the ports from which it was reached."""
    ports: list[int] = []

    class Refusing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            ports.append(self.client_address[1])

        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", ports
    finally:
        server.shutdown()
        server.server_close()


def asked(application: LambdaApplication) -> None:
    answer: dict[str, Any] = application.answer(ORDER, Context())
    assert answer["statusCode"] >= 400


@pytest.mark.parametrize(("seconds", "connections"), [(1.0, 1), (60.0, 2)])
async def test_connections_are_opened_anew_after_a_freeze(seconds: float, connections: int) -> None:
    """The wall clock tells, since the other one may have stood still."""

    def story(url: str) -> None:
        application = LambdaApplication(settings(supabase_url=url))
        try:
            asked(application)
            application.rested_since -= seconds
            asked(application)
        finally:
            application.close()

    with counted_database() as (url, ports):
        await asyncio.to_thread(story, url)
    assert len(set(ports)) == connections
