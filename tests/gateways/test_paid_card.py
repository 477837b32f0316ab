"""A paid card: what a receipt may show of it is kept, and no nonsense breaks anything."""

from __future__ import annotations

import pytest

from coinslot.gateways.paid_card import PaidCard, fields_of, paid_card
from coinslot.gateways.toss.instruments import card_of


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("45009900****008*", "008*"),
        ("555555******5555", "5555"),
        ("5555-5555-5555-4444", "4444"),
        ("5555 5555 5555 xx44", "**44"),
        ("4242", "4242"),
        ("****************", None),
        ("123", None),
        ("", None),
        (None, None),
        (4242, None),
        ({"number": "4242"}, None),
    ],
)
def test_no_more_of_a_number_than_its_last_four_places(number: object, kept: str | None) -> None:
    found = paid_card("Visa", number)
    assert found == PaidCard("Visa", kept)


@pytest.mark.parametrize("approval", ["", "1" * 21, "<b>1</b>", "1\r\n2", None, 12345678, ["1"]])
def test_what_is_no_approval_number_is_none(approval: object) -> None:
    assert paid_card("Visa", None, approval) == PaidCard("Visa")
    assert paid_card(None, None, approval) is None


def test_a_name_is_short_and_storable() -> None:
    found = paid_card("신한\x00" + "a" * 100, None)
    assert found is not None
    assert found.brand is not None
    assert "\x00" not in found.brand
    assert len(found.brand) == 40


@pytest.mark.parametrize("told", [None, "card", 7, [], {}, {"issuerCode": [], "number": {}}])
def test_nonsense_is_no_card(told: object) -> None:
    assert card_of(told) is None
    assert not fields_of(told) or told == {"issuerCode": [], "number": {}}


def test_toss_names_an_issuer_by_a_code() -> None:
    told = {"issuerCode": "71", "number": "45009900****008*", "approveNo": "00012345"}
    assert card_of(told) == PaidCard("롯데", "008*", "00012345")
    assert card_of({**told, "issuerCode": "??"}) == PaidCard(None, "008*", "00012345")
