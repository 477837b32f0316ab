"""Cells of a copy for spreadsheets: none is calculated, and none loses anything."""

from __future__ import annotations

import pytest

from coinslot.cli.personal_data import _cell

_HARMLESS = ("", "a", "-5", "-5.25", "0012", "한글", "a=b", "'", "ann@example.com", "👩 \u202e")


@pytest.mark.parametrize("text", _HARMLESS)
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert _cell(text) == text


@pytest.mark.parametrize("text", ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "-", "--5"])
def test_a_formula_is_a_text(text: str) -> None:
    assert _cell(text) == "'" + text


@pytest.mark.parametrize(
    ("value", "cell"),
    [(None, ""), (-5, "-5"), (True, "true"), ({"to": "é"}, '{"to": "é"}'), ([], "[]")],
)
def test_what_is_no_text(value: object, cell: str) -> None:
    assert _cell(value) == cell
