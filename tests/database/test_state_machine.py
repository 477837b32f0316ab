"""Anything in any order: the database agrees with a model throughout.

The same examples every time. For other ones, and as many as you like:
`STATE_MACHINE_EXAMPLES=2000 pytest tests/database/test_state_machine.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.database.machine import Machine
from tests.database.machine_base import World
from tests.database.people import Bank
from tests.support.sizes import sized

EXAMPLES = sized(30, proofs=400)
BY_HAND = os.environ.get("STATE_MACHINE_EXAMPLES")
STEPS = 60


@pytest.mark.timeout(0 if BY_HAND else 1800)
def test_the_database_agrees_with_the_model(
    bank: Bank, record_property: Callable[[str, object], None]
) -> None:
    with closing(bank.connect()) as connection:
        world = World.of(bank, connection)

        class Here(Machine):
            def __init__(self) -> None:
                super().__init__(world)

        run_state_machine_as_test(
            Here,
            settings=settings(
                max_examples=int(BY_HAND or EXAMPLES),
                stateful_step_count=STEPS,
                derandomize=not BY_HAND,
                database=None,
                deadline=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
    for name, number in world.played.most_common():
        record_property(name, number)
