"""The taxes in what Toss says a payment still holds; what is no split decides nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from coinslot.gateways.toss.payment import read_as

SAMPLES = json.loads(Path(__file__).with_name("samples.json").read_text(encoding="utf-8"))


def taxes(name: str, **changes: object) -> tuple[int | None, int | None]:
    body: dict[str, Any] = {**SAMPLES[name], **changes}
    payment = read_as({name: value for name, value in body.items() if value is not ...}, live=False)
    return payment.vat, payment.tax_free


def test_of_the_whole_and_of_what_is_left() -> None:
    assert taxes("payment_card_done") == (1000, 0)
    assert taxes("payment_partial_canceled") == (900, 0)
    assert taxes("payment_canceled") == (0, 0)


def test_of_an_account_that_nobody_has_paid_into() -> None:
    assert taxes("payment_vbank_waiting") == (None, None)


@pytest.mark.parametrize("wrong", [-1, 11_001, 90_071_992_547_409_930])
@pytest.mark.parametrize("field", ["vat", "taxFreeAmount"])
def test_a_split_that_cannot_be(field: str, wrong: int) -> None:
    assert taxes("payment_card_done", **{field: wrong}) == (None, None)


@pytest.mark.parametrize("absent", [None, ...])
@pytest.mark.parametrize("field", ["vat", "taxFreeAmount"])
def test_none_at_all(field: str, absent: object) -> None:
    assert taxes("payment_card_done", **{field: absent}) == (None, None)


def test_while_money_is_on_its_way_back() -> None:
    cancels = [{**SAMPLES["payment_partial_canceled"]["cancels"][0], "cancelStatus": "IN_PROGRESS"}]
    assert taxes("payment_partial_canceled", cancels=cancels) == (None, None)
