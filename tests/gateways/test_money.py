from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinslot.gateways.money import to_major, to_minor


@pytest.mark.parametrize(
    ("major", "currency", "minor"),
    [("5000", "KRW", 5000), ("4.00", "USD", 400), ("9.6", "USD", 960), ("1.234", "KWD", 1234)],
)
def test_minor_units_follow_the_currency(major: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(major), currency) == minor


@given(st.integers(0, 2**53 - 1), st.sampled_from(["KRW", "USD", "KWD", "jpy"]))
def test_there_and_back_changes_nothing(minor: int, currency: str) -> None:
    assert to_minor(to_major(minor, currency), currency) == minor


@pytest.mark.parametrize("amount", ["10.5", "-1", "9007199254740992", "1e999999", "NaN"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        to_minor(Decimal(amount), "KRW")
