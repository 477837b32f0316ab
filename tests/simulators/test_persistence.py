"""A stack that is killed still has its payments."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.simulators.calls import ORDER
from tests.support.servers import PATIENCE, address, listening_socket

if TYPE_CHECKING:
    from pathlib import Path


def test_killed_simulators_keep_their_payments(tmp_path: Path) -> None:
    state = str(tmp_path / "state.db")

    def play(calls: list[tuple[str, str, Any]]) -> list[Any]:
        sock = listening_socket()
        url, port = address(sock), sock.getsockname()[1]
        sock.close()
        command = [sys.executable, "-m", "simulators"]
        environment = {
            "COINSLOT_SIMULATORS_PORT": str(port),
            "COINSLOT_SIMULATORS_STATE": state,
            "SIDECAR_URL": "http://127.0.0.1:1",
        }
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                with httpx.Client(
                    base_url=url, transport=httpx.HTTPTransport(retries=0), timeout=5
                ) as http:
                    wait_until_served(http)
                    return [http.request(*c[:2], json=c[2]).json() for c in calls]
            finally:
                process.send_signal(signal.SIGKILL)

    pay = ("POST", "/portone-v1/_sim/pay", {"order_id": ORDER, "amount": 5000})
    paid = play([pay])[0]
    kept = play([("GET", "/portone-v1/_sim/payments", None)])[0]["payments"]
    assert [payment["imp_uid"] for payment in kept] == [paid["imp_uid"]]


def wait_until_served(http: httpx.Client) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            http.get("/_sim/health").raise_for_status()
        except httpx.ConnectError:
            signal.sigtimedwait([], 0.05)
        else:
            return
    pytest.fail("the simulators did not start")
