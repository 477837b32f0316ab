"""Purchases while everything fails: nothing is lost, doubled or minted."""

from __future__ import annotations

import pytest

from tests.support.commands import run_module

SEED = 2026
PURCHASES = 150


@pytest.mark.timeout(900)
def test_the_books_add_up_after_a_storm() -> None:
    """One that brings every kind of fault, always the same; `make storm` has 2,000 purchases and
    draws another seed every time. Most of its time are the kills."""
    storm = ("--seed", str(SEED), "--purchases", str(PURCHASES), "--complete")
    ended = run_module("tests.storm", *storm)
    assert ended.returncode == 0, ended.stdout + ended.stderr
