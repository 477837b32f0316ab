"""Each wrong rule is found out by its history, and the right ones give what is right."""

from __future__ import annotations

import pytest

from tests.lots.comparison import DONE, Pair
from tests.lots.histories import HISTORIES, History
from tests.lots.terms import Refused, Rules


@pytest.mark.parametrize("name", HISTORIES)
def test_the_models_give_what_is_right(name: str) -> None:
    history = HISTORIES[name]
    pair = Pair.of(Rules())
    answers = [pair.play(call) for call in history.calls]
    assert history.measure(pair.view("ann", history.calls[-1].clock), answers[-1]) == history.right


@pytest.mark.parametrize("name", HISTORIES)
def test_the_wrong_rule_gives_something_else(name: str) -> None:
    history = HISTORIES[name]
    assert history.gives != history.right
    assert _wrongly(history) == history.gives


def _wrongly(history: History) -> object:
    model = history.wrong(Rules())
    answer = DONE
    for call in history.calls:
        now = model.now(call.user, call.clock)
        try:
            getattr(model, call.kind)(call.user, now, **call.arguments)
        except Refused as refused:
            answer = refused.answer
    return history.measure(model.view("ann", history.calls[-1].clock), answer)
