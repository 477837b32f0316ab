"""Two thousand purchases while everything fails: nothing is lost, doubled or minted."""

from __future__ import annotations

import pytest

from tests.support.commands import run_module

SEED = 2026


@pytest.mark.timeout(1800)
def test_the_books_add_up_after_a_storm() -> None:
    """`make storm` draws another seed every time; this one is always the same. Two cores
    take six minutes for it, of which the kills are a good part."""
    ended = run_module("tests.storm", "--seed", str(SEED), "--purchases", "2000")
    assert ended.returncode == 0, ended.stdout + ended.stderr
