"""The taxes in what PortOne V2 says of a payment; what is no split decides nothing."""

from __future__ import annotations

import pytest

from coinslot.gateways.portone.v2.payment import V2Payment, read_as
from tests.gateways.portone.v2.test_adapter import cancellation, sample


def taxes(name: str, **changes: object) -> tuple[int | None, int | None]:
    payment = read_as(V2Payment.model_validate(sample(name, **changes)), live_mode=False)
    return payment.vat, payment.tax_free


def test_of_the_whole_and_of_what_is_left() -> None:
    assert taxes("paid") == (1000, 0)
    assert taxes("partial_cancelled") == (900, 0)


def test_of_several_cancellations() -> None:
    parts = [
        cancellation(2200, vatAmount=100, taxFreeAmount=1100),
        cancellation(1100, vatAmount=100),
        cancellation(1100, status="FAILED", vatAmount=100),
    ]
    left = {"amount__taxFree": 1100, "amount__vat": 900, "amount__supply": 9000}
    assert taxes("partial_cancelled", cancellations=parts, **left) == (700, 0)


def test_of_an_account_that_nobody_has_paid_into() -> None:
    assert taxes("virtual_account_issued") == (None, None)


@pytest.mark.parametrize("field", ["vat", "taxFree"])
@pytest.mark.parametrize("wrong", [None, -1, 11_001])
def test_a_split_that_cannot_be(field: str, wrong: int | None) -> None:
    assert taxes("paid", **{f"amount__{field}": wrong}) == (None, None)


@pytest.mark.parametrize("field", ["vatAmount", "taxFreeAmount"])
def test_a_cancellation_that_does_not_tell_its_own(field: str) -> None:
    parts = [cancellation(1100, **{field: None})]
    assert taxes("partial_cancelled", cancellations=parts) == (None, None)


def test_a_cancellation_with_more_tax_than_there_was() -> None:
    parts = [cancellation(1100, vatAmount=1001)]
    assert taxes("partial_cancelled", cancellations=parts) == (None, None)
