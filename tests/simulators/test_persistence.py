"""A stack that is killed still has its payments."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from simulators.app import create_app
from simulators.registry import SimulatorSettings
from tests.simulators.calls import ORDER
from tests.support.servers import PATIENCE, address, listening_socket, running

if TYPE_CHECKING:
    from pathlib import Path


async def test_killed_simulators_keep_their_payments(tmp_path: Path) -> None:
    state = str(tmp_path / "state.db")
    paid = pay_at_one_that_is_killed(state)
    again = create_app(SimulatorSettings(coinslot_simulators_state=state))
    async with running(again) as url, httpx.AsyncClient() as http:
        kept = (await http.get(f"{url}/portone-v1/_sim/payments")).json()["payments"]
    assert [payment["imp_uid"] for payment in kept] == [paid]


def pay_at_one_that_is_killed(state: str) -> str:
    """The id of a payment at a process of its own, as the local stack starts it."""
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
            with httpx.Client(base_url=url, timeout=5) as http:
                wait_until_served(http)
                turn = {"order_id": ORDER, "amount": 5000}
                return str(http.post("/portone-v1/_sim/pay", json=turn).json()["imp_uid"])
        finally:
            process.send_signal(signal.SIGKILL)


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
