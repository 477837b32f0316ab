"""Baskets and codes of a store, over what the database has worked out.

The modules run in Node, with the database's answers written down.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from devstack import tools
from devstack.settings import ROOT

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]
WEB = ROOT / "sidecar/web"
SCENES = ROOT / "tests/web/baskets.mjs"
NAMES = (
    "choices",
    "several",
    "paying",
    "usable",
    "refused",
    "other pack",
    "not for it",
    "tokens",
    "ends",
    "again",
    "orders",
    "verdicts",
)


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """The answer of each scene, from a process of its own."""
    target = tmp_path_factory.mktemp("baskets") / "scenes.mjs"
    bundle(SCENES, target)
    return {name: _run(tools.require_node(), target, name) for name in NAMES}


def bundle(scenes: Path, target: Path) -> None:
    """The scenes with all that they import, in one file."""
    bundler = ROOT / "tests/web/bundle.mjs"
    subprocess.run(
        [tools.require_node(), bundler, scenes, target],
        check=True,
        capture_output=True,
        text=True,
    )


def _run(node: str, target: Path, scene: str) -> Any:  # noqa: ANN401 - what the scene says
    done = subprocess.run([node, target, scene], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_quantities_are_one_and_those_of_the_tiers_that_may_be_ordered(played: Json) -> None:
    assert played["choices"] == [[], [1, 5]]


def test_several_packs_cost_what_the_database_says(played: Json) -> None:
    told = played["several"]
    assert (told["one"]["total"], told["one"]["quantity"], told["plain"]) == (5000, 1, {})
    assert {name: told["five"][name] for name in ("quantity", "tokens", "list", "total")} == {
        "quantity": 5,
        "tokens": 50,
        "list": 25_000,
        "total": 22_500,
    }
    assert told["ordered"] == {"quantity": 5}
    assert told["other"] == 1, "a pack without tiers is bought by one"


def test_nothing_changes_while_it_is_paid_for(played: Json) -> None:
    assert played["paying"] == [1, []]


def test_a_usable_code_makes_the_price_and_goes_into_the_order(played: Json) -> None:
    told = played["usable"]
    assert (told["total"], told["applied"]) == (4000, "SPRING")
    assert told["ordered"] == {"promoCode": "SPRING"}
    asked = {"code": "spring", "product_id": "starter", "gateway": "toss", "currency": "KRW"}
    assert told["asked"] == [["check_token_code", {**asked, "quantity": 1}]]


def test_a_refused_code_says_why_and_changes_no_price(played: Json) -> None:
    first, later = (
        json.loads((WEB / f"i18n/{each}en.json").read_text()) for each in ("", "later/")
    )
    texts = {**first, **later}
    names = ("code.not_found", "code.used", "code.exhausted", "code.unknown", "code.too_many")
    assert played["refused"] == [[5000, texts[name]] for name in names]


def test_an_applied_code_is_asked_about_for_each_choice(played: Json) -> None:
    assert played["other pack"] == {"pending": True, "unpriced": 12_000, "total": 9600, "times": 2}


def test_a_code_that_is_not_for_the_choice_is_taken_off(played: Json) -> None:
    assert played["not for it"] == [12_000, False, 5000, "SPRING"]


def test_a_code_for_tokens_is_redeemed_once_however_often_it_is_tried(played: Json) -> None:
    told = played["tokens"]
    assert (told["same"], told["times"], told["total"]) == (True, 2, 5000)
    assert told["said"] == {"text": "8 tokens added to your balance.", "good": True}
    assert "Try again" in told["lost"]


def test_a_code_goes_with_its_order(played: Json) -> None:
    assert played["ends"] == [False, False, False, True]


def test_an_order_that_is_gone_on_with_keeps_its_price(played: Json) -> None:
    assert played["again"] == [20_000, {"quantity": 5, "promoCode": "SPRING"}, 5000]


def test_another_basket_is_another_order(played: Json) -> None:
    assert played["orders"] == [0, 0, 2, 3, 4]


def test_a_code_that_the_order_refuses_is_said_to_be_that(played: Json) -> None:
    assert played["verdicts"] == ["code_refused"] * 3
