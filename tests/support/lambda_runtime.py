"""AWS Lambda as a function sees it: a Runtime API that hands out events, for the real client."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_API = "/2018-06-01/runtime/invocation"
HANDLER = "coinslot.server.aws_lambda.handler"


class Function:
    """One function: a process that waits for events."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.events: queue.Queue[tuple[str, Any, float]] = queue.Queue()
        self.answers: queue.Queue[tuple[str, Any]] = queue.Queue()

    def invoke(self, event: Mapping[str, Any], seconds: float = 30.0) -> Any:  # noqa: ANN401
        """The handler's answer; raises `RuntimeError` with its error."""
        self.events.put((str(uuid4()), event, seconds))
        what, answer = self.answers.get(timeout=60)
        if what != "response":
            raise RuntimeError(answer["errorType"], answer["errorMessage"])
        return answer


@contextmanager
def function(env: Mapping[str, str], folder: Path, paths: Sequence[str] = ()) -> Iterator[Function]:
    """A process of the real client, with these variables and nothing else of this shell. What is
    in `paths` comes before the packages of the tests."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_class())
    there = server.function = Function(server.server_port)  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = subprocess.Popen(
        [sys.executable, "-m", "awslambdaric", HANDLER],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join([*paths, *filter(None, sys.path)]),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{there.port}",
            "AWS_LAMBDA_FUNCTION_NAME": "coinslot",
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            **env,
        },
    )
    try:
        yield there
    finally:
        client.kill()
        client.wait()
        server.shutdown()
        server.server_close()


def _handler_class() -> type[BaseHTTPRequestHandler]:
    class RuntimeApi(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            request_id, event, seconds = self._function.events.get()
            body = json.dumps(event).encode()
            self.send_response(200)
            self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
            deadline = int((time.time() + seconds) * 1000)
            self.send_header("Lambda-Runtime-Deadline-Ms", str(deadline))
            self.send_header(
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:ap-northeast-2:123456789012:function:coinslot",
            )
            self.send_header("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path.startswith((_API, "/2018-06-01/runtime/init"))
            self._function.answers.put((self.path.rpartition("/")[2], json.loads(body or b"null")))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        @property
        def _function(self) -> Function:
            there: Function = self.server.function  # type: ignore[attr-defined]
            return there

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return RuntimeApi
