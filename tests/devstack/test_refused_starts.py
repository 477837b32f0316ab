"""Starts that are refused before anything is started."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.settings import DevstackError, DevstackSettings
from devstack.stack import Stack
from tests.devstack.managed import recorded
from tests.support.clusters import devstack_settings, discard


@pytest.fixture
def settings() -> Iterator[DevstackSettings]:
    settings = devstack_settings("refused")
    yield settings
    discard(Stack(settings, dotenv=None))


def test_a_taken_port_is_named_and_nothing_started(settings: DevstackSettings) -> None:
    with (
        socket.create_server(("127.0.0.1", settings.api_port)),
        pytest.raises(DevstackError) as caught,
    ):
        Stack(settings, dotenv=None).up()
    expected = f"port {settings.api_port} for the API gateway is taken; set COINSLOT_API_PORT"
    assert str(caught.value) == expected
    assert recorded(settings) == {}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (None, "Node.js is missing"),
        ("echo v18.20.4", r"Node.js 20 or newer is needed, and .*/node is v18.20.4"),
        ("echo broken >&2; exit 1", r"Node.js 20 or newer is needed, and .*/node is broken"),
    ],
)
def test_a_missing_or_old_node_is_named(
    settings: DevstackSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str | None,
    expected: str,
) -> None:
    if script:
        node = tmp_path / "node"
        node.write_text(f"#!/bin/sh\n{script}\n")
        node.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DevstackError, match=expected):
        Stack(settings, dotenv=None).up()
    assert recorded(settings) == {}
