"""The demo checks every line it prints, so running it is a test."""

from __future__ import annotations

import pytest

from devstack import demo
from tests.support.stacks import LocalStack


@pytest.mark.proof
def test_the_demo_plays_to_its_end(stack: LocalStack, capfd: pytest.CaptureFixture[str]) -> None:
    code = demo.play(stack.manager)
    told = capfd.readouterr()
    assert code == 0, f"{told.out}\n{told.err}"
    assert told.out.count("✓") > 30
