"""Stripe's minor units beside ISO 4217's, for every currency that Stripe's page names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coinslot.gateways.stripe.currencies import from_stripe, to_stripe

PAGE = json.loads((Path(__file__).parent / "currencies.json").read_text())
SPECIAL = PAGE["send_as_two_decimal_multiple_of_100"]
EVERY = {*PAGE["zero_decimal"], *SPECIAL, *PAGE["three_decimal_last_digit_zero"]} | {
    *PAGE["payout_only_zero_decimal"],
    *PAGE["min_charge_minor_units_by_settlement_currency"],
}


@pytest.mark.parametrize("currency", sorted({*PAGE["zero_decimal"]} - {*SPECIAL, "mga"}))
def test_zero_decimal_currency_is_sent_in_whole_units(currency: str) -> None:
    assert to_stripe(11_000, currency) == 11_000


@pytest.mark.parametrize("currency", SPECIAL)
def test_whole_units_that_stripe_counts_in_hundredths(currency: str) -> None:
    """11,000 krónur are 1,100,000 to Stripe, and it knows no part of one."""
    assert to_stripe(11_000, currency) == 1_100_000
    assert from_stripe(1_100_000, currency) == 11_000
    with pytest.raises(ValueError, match="multiple of 100"):
        from_stripe(150, currency)


def test_hundredths_that_stripe_does_not_count() -> None:
    """ISO has hundredths of an ariary; Stripe takes whole ones."""
    assert to_stripe(11_000, "MGA") == 110
    assert from_stripe(110, "MGA") == 11_000
    with pytest.raises(ValueError, match="no amount"):
        to_stripe(11_050, "MGA")


@pytest.mark.parametrize("currency", PAGE["three_decimal_last_digit_zero"])
def test_three_decimal_amount_ends_in_zero(currency: str) -> None:
    assert to_stripe(5_120, currency) == 5_120
    with pytest.raises(ValueError, match="must be 0"):
        to_stripe(5_124, currency)


@pytest.mark.parametrize("currency", [*PAGE["payout_only_zero_decimal"], "usd", "eur", "USD"])
def test_two_decimal_currency_is_sent_as_it_is(currency: str) -> None:
    assert to_stripe(1_000, currency) == 1_000


@given(amount=st.integers(0, 9_999_999), currency=st.sampled_from(sorted(EVERY)))
def test_amount_that_can_be_sent_comes_back_the_same(amount: int, currency: str) -> None:
    try:
        sent = to_stripe(amount, currency)
    except ValueError:
        return
    assert from_stripe(sent, currency) == amount


@pytest.mark.parametrize("amount", [-1, 2**53])
def test_what_is_no_amount_is_refused(amount: int) -> None:
    for convert in (to_stripe, from_stripe):
        with pytest.raises(ValueError, match="no amount"):
            convert(amount, "USD")
