"""Buyers at once while the sidecars are restarted: nothing is lost, nothing doubled."""

from __future__ import annotations

import re

import pytest

from tests.support.commands import run_module

RESTARTS = r"(\d+) answers; sidecars restarted: (\d+) stopped, (\d+) killed"


@pytest.mark.timeout(400)
def test_nothing_is_lost_while_servers_are_restarted() -> None:
    """`make load` does it with 500 buyers for a minute. How long they wait is no part of it; what
    they are told is: failures of a kind that no restart explains end it with an error."""
    ended = run_module("tests.load.buyers", "--buyers", "40", "--seconds", "15")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    said = re.search(RESTARTS, ended.stdout)
    assert said is not None, ended.stdout
    answers, stopped, killed = map(int, said.groups())
    assert answers > 200
    assert stopped > 0 < killed
