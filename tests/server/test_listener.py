"""A server that cannot listen says so in a sentence, and why."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from coinslot.server.listener import CannotListenError, listener
from tests.server.test_asgi import environment

if TYPE_CHECKING:
    from pathlib import Path


def test_listens_where_it_is_told() -> None:
    for host in ("127.0.0.1", "localhost", "0.0.0.0"):  # noqa: S104
        with listener(host, 0) as sock:
            assert sock.getsockname()[1] > 0


def test_port_that_is_taken_is_named() -> None:
    with listener("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListenError, match=f"port {port}: another program listens there"):
            listener("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "reason"),
    [("198.51.100.7", "this machine has no such address"), ("nobody.invalid", "nobody knows")],
)
def test_address_that_is_not_of_this_machine_is_named(host: str, reason: str) -> None:
    with pytest.raises(CannotListenError, match=reason):
        listener(host, 54430)


def test_command_ends_with_the_sentence(tmp_path: Path) -> None:
    with listener("127.0.0.1", 0) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, "-m", "coinslot", "serve"],
            cwd=tmp_path,
            env=environment(PORT=port, HOST="127.0.0.1"),
            check=False,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1, port {port}" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
