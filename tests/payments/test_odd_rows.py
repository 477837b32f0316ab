"""Odd rows: however many, in constant memory, with one mark for the same rows."""

from __future__ import annotations

import random

from coinslot.gateways.listing import OddRow
from coinslot.payments.odd_rows import OddRows


def noted(rows: list[OddRow]) -> OddRows:
    odd = OddRows()
    for row in rows:
        odd.note(row)
    return odd


ROWS = [OddRow(f"key-{number}\ud800", "currency") for number in range(1000)]


def test_thousands_are_counted_and_the_first_are_kept() -> None:
    odd = noted(ROWS)
    assert (odd.count, odd.first) == (1000, ROWS[:20])


def test_same_rows_in_another_order_have_the_same_mark() -> None:
    shuffled = ROWS.copy()
    random.Random(1).shuffle(shuffled)  # noqa: S311
    assert noted(shuffled).mark == noted(ROWS).mark


def test_other_rows_have_another_mark() -> None:
    """One less, one more, one twice, another reason."""
    others: tuple[list[OddRow], ...] = (
        ROWS[1:],
        [*ROWS, ROWS[0]],
        [OddRow("key-0", "amount"), *ROWS[1:]],
        [],
    )
    marks = {noted(rows).mark for rows in (ROWS, *others)}
    assert len(marks) == 1 + len(others)


def test_list_that_was_cut_short_has_none() -> None:
    odd = noted(ROWS[:1])
    odd.cut_short(OddRow("", "the list does not go on"))
    assert (odd.count, odd.mark) == (2, None)
