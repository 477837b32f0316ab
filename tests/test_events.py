"""Events and mails while those who send them are killed: each arrives, and in its order."""

from __future__ import annotations

import pytest

from tests.support.commands import run_module


@pytest.mark.timeout(600)
def test_what_is_committed_arrives_wherever_its_sender_dies() -> None:
    """One kill at each point; `make proofs ONLY=events` has six, and forty at any time."""
    storm = ("--seed", "2026", "--events", "30", "--kills", "1", "--anywhere", "1")
    ended = run_module("tests.events", *storm)
    assert ended.returncode == 0, ended.stdout + ended.stderr
