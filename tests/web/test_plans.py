"""Plans in a browser, over what the database and the sidecar have answered.

The modules run in Node, with the answers written down.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from devstack import tools
from devstack.settings import ROOT
from tests.web.test_baskets import bundle

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]
SCENES = ROOT / "tests/web/plans.mjs"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("plans") / "scenes.mjs"
    bundle(SCENES, target)
    return target


def played(scenes: Path, name: str) -> Any:  # noqa: ANN401 - of each scene its own
    done = subprocess.run(
        [tools.require_node(), scenes, name], capture_output=True, check=True, text=True
    )
    return json.loads(done.stdout)


def test_a_month_that_is_too_short_ends_the_period(scenes: Path) -> None:
    days = [re.sub(r", \d+$", "", day) for day in played(scenes, "days")]
    assert days == ["February 28", "February 29", "March 14", "February 28"]


def test_who_subscribes_after_the_hours_of_charges_is_charged_on_the_day_after(
    scenes: Path,
) -> None:
    days = [re.sub(r", \d+$", "", day) for day in played(scenes, "hours")]
    assert days == ["February 14", "February 15", "March 1", "January 21", "January 22"]


def test_a_renewal_is_told_from_the_day_on_that_the_shop_has_set(scenes: Path) -> None:
    assert played(scenes, "told_ahead") == [1, 0, 0]


def test_plans_are_sold_where_a_stored_method_is_charged_in_their_currency(scenes: Path) -> None:
    assert played(scenes, "places") == [["a", "b"], ["b"], []]


def test_only_a_refusal_is_sure_to_have_charged_nothing(scenes: Path) -> None:
    assert played(scenes, "refusals") == [
        *("signed_out", "have", "not_started"),
        *("unknown", "unknown", "unknown"),
    ]


def test_who_may_not_pay_yet_is_told_when(scenes: Path) -> None:
    assert played(scenes, "limited") == {"what": "too_soon", "seconds": 420}


def test_a_subscription_is_made_with_what_was_agreed_to(scenes: Path) -> None:
    made = played(scenes, "made")
    assert (made["what"], made["paths"]) == ("subscribed", ["/billing/subscriptions"])
    assert made["body"] == {
        "planId": "plus",
        "gateway": "a",
        "currency": "KRW",
        "methodId": "m1",
        "consent": {"text": "v"},
    }


def test_a_decline_is_told_in_our_words(scenes: Path) -> None:
    assert played(scenes, "declined") == {
        "what": "declined",
        "reason": "Check your limit or balance.",
    }


def test_an_answer_that_is_lost_makes_no_second_subscription(scenes: Path) -> None:
    assert played(scenes, "lost") == {"what": "subscribed", "asked": 1}


def test_who_has_a_plan_is_charged_for_no_other(scenes: Path) -> None:
    assert played(scenes, "had") == {"what": "have", "paths": []}


def test_a_charge_that_nobody_knows_of_is_looked_up_and_not_made_again(scenes: Path) -> None:
    assert played(scenes, "unknown") == {
        "what": "subscribed",
        "paths": ["/billing/subscriptions/s1/charge"],
    }


@pytest.mark.parametrize(
    ("scene", "asked"),
    [
        (
            "another_card",
            ["set_token_subscription_method", "/billing/subscriptions/s1/charge"],
        ),
        ("another_plan", ["cancel_token_subscription", "/billing/subscriptions"]),
        ("another_price", ["cancel_token_subscription", "/billing/subscriptions"]),
    ],
)
def test_a_first_payment_that_was_declined_is_gone_on_with(
    scenes: Path, scene: str, asked: list[str]
) -> None:
    assert played(scenes, scene) == {"what": "subscribed", "paths": asked}


def test_who_agreed_to_a_trial_is_not_charged_for_what_they_began_before(scenes: Path) -> None:
    assert played(scenes, "tries") == {
        "what": "subscribed",
        "status": "trialing",
        "paths": ["cancel_token_subscription", "/billing/subscriptions"],
        "trial": "asked",
    }
    assert played(scenes, "tries_unknown") == {"what": "unknown", "paths": []}


def test_a_trial_is_offered_once_in_a_family(scenes: Path) -> None:
    assert played(scenes, "may_try") == [True, False, False, True]


def test_who_resumes_agrees_to_the_plan_that_they_chose(scenes: Path) -> None:
    same, chosen = played(scenes, "resumed")
    assert same == [
        "You’ll be charged ₩9,900 now and every month until you cancel. You get 300 tokens right"
        " away.",
        *("Pay ₩9,900 now", 9900),
    ]
    assert chosen == [
        "You’ll be charged ₩249,000 now and every year until you cancel. You get 12,000 tokens"
        " right away.",
        *("Pay ₩249,000 now", 249_000),
    ]


def test_everything_that_can_be_done_is_offered_in_its_state(scenes: Path) -> None:
    assert played(scenes, "actions") == {
        "active": ["active", "change", "change_method", "pause", "cancel"],
        "canceling": ["canceling", "keep"],
        "pausing": ["pausing", "undo_pause", "change_method", "cancel"],
        "changing": ["active", "undo_change", "change_method", "pause", "cancel"],
        "paused": ["paused", "resume", "change_method", "cancel"],
        "paused_changing": ["paused", "resume", "undo_change", "change_method", "cancel"],
        "past_due": ["past_due", "pay_now", "change_method", "cancel"],
        "no_card": ["past_due", "change_method", "cancel"],
        "bank": ["authentication", "confirm", "change_method", "cancel"],
        "asked": ["trialing", "agree", "change_method", "cancel"],
        "agreed": ["trialing", "change_method", "cancel"],
        "dearer": [
            *("active", "price_agree", "price_decline"),
            *("change", "change_method", "pause", "cancel"),
        ],
        "yes": ["active", "price_decline", "change", "change_method", "pause", "cancel"],
        "no": ["active", "price_agree", "change", "change_method", "pause", "cancel"],
        "left": ["canceling", "keep"],
        "ended": ["ended"],
    }
