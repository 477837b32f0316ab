"""Figures of a played quarter, each computed a second way from what the test itself has done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.reports.shop import ZONES, bank, column, days, report, span, summed, year

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.reports.played_year import Year

__all__ = ["bank", "year"]


def test_a_quarter_adds_up_in_every_zone(year: Year) -> None:
    bank = year.bank
    open_books = {
        zone: report(bank, year.owner, "sales", **span(year, zone), step="day") for zone in ZONES
    }
    year.now += timedelta(minutes=20)
    year.clock.set(year.now)
    summed(bank)
    for zone in ZONES:
        given = span(year, zone)
        sales = report(bank, year.owner, "sales", **given, step="day")
        assert sales["rows"] == open_books[zone]["rows"], "summed or not, it is the same"
        for kind in ("paid", "refunded"):
            mine = [(at, amount) for at, what, amount in year.money if what == kind]
            assert column(sales["rows"], kind) == days(year, zone, mine), (zone, kind)
        [whole] = report(bank, year.owner, "sales", **given, step="all")["rows"]
        assert whole["net"] == sum(row["net"] for row in sales["rows"])
        assert whole["vat"] == sum(
            _half_up(price - year.refunded[order]) for order, (_, price) in year.paid.items()
        )
        _tokens(year, zone, given)
        _liability(year, zone, given)
    assert not bank.audit()


def _half_up(amount: int) -> int:
    return (2 * amount + 11) // 22


def _tokens(year: Year, zone: str, given: dict[str, str]) -> None:
    made = report(year.bank, year.owner, "tokens", **given, step="day")
    assert made["complete"]
    entries = year.bank.rows("select created_at, kind, delta from token_ledger")
    for name, kinds, sign in (("sold", {"purchase"}, 1), ("spent", {"spend"}, -1)):
        mine = [(e["created_at"], sign * e["delta"]) for e in entries if e["kind"] in kinds]
        assert column(made["rows"], name) == days(year, zone, mine), (zone, name)
    [total] = year.bank.rows("select sum(tokens) as tokens from token_wallets")
    assert made["rows"][-1]["outstanding"] == total["tokens"]
    assert not any(row["corrections"] for row in made["rows"])


def _liability(year: Year, zone: str, given: dict[str, str]) -> None:
    made = report(year.bank, year.owner, "liability", **given, step="day")
    assert made["rows"][-1]["closing"] == sum(map(year.worth, year.people))
    for kind, name in (("paid", "sold"), ("refunded", "refunded")):
        mine = [(at, amount) for at, what, amount in year.money if what == kind]
        assert column(made["rows"], name) == days(year, zone, mine), (zone, name)
    for before, row in zip([{"closing": 0}, *made["rows"]], made["rows"], strict=False):
        assert row["opening"] == before["closing"]
        flow = row["sold"] - row["recognised"] - row["breakage"] - row["refunded"]
        assert row["closing"] == row["opening"] + flow
    assert sum(row["breakage"] for row in made["rows"]) > 0


def test_the_funnel_is_of_the_orders_of_a_day(year: Year) -> None:
    bank = year.bank
    zone = "Asia/Seoul"
    before = report(bank, year.owner, "funnel", **span(year, zone), step="day")["rows"]
    summed(bank)
    rows = report(bank, year.owner, "funnel", **span(year, zone), step="day")["rows"]
    assert rows == before, "summed or not, it is the same"
    figures: tuple[tuple[str, Callable[[bool, bool], bool]], ...] = (
        ("orders", lambda _declined, _pays: True),
        ("declined", lambda declined, _pays: declined),
        ("paid", lambda _declined, pays: pays),
        ("first_try", lambda declined, pays: pays and not declined),
        ("recovered", lambda declined, pays: pays and declined),
    )
    for name, wanted in figures:
        mine = [(at, 1) for at, declined, pays in year.orders if wanted(declined, pays)]
        assert column(rows, name) == days(year, zone, mine), name
    declines = report(bank, year.owner, "declines", **span(year, zone), step="all")["rows"]
    assert [(row["label"], row["attempts"]) for row in declines] == [
        ("expired_card", sum(declined for _, declined, _ in year.orders))
    ]


def test_a_month_that_is_over_stays_as_it_was(year: Year) -> None:
    """Money that goes back later is in the month in which it does, and is told there."""
    bank = year.bank
    summed(bank)
    options = {"from": "2027-02-01", "to": "2027-02-28", "zone": "Asia/Seoul", "step": "month"}
    names = ("sales", "tokens", "liability", "vat", "methods")
    then = {name: report(bank, year.owner, name, **options)["rows"] for name in names}
    year.now = datetime(2028, 2, 10, 3, tzinfo=UTC)
    year.clock.set(year.now)
    gone = 0
    for order, (_, price) in year.paid.items():
        if year.refunded[order] < price:
            gone += price - year.refunded[order]
            year.say(order, price, paid=price, refunded=price)
    summed(bank)
    assert then == {name: report(bank, year.owner, name, **options)["rows"] for name in names}
    later = {"from": "2028-02-01", "to": "2028-02-29", "zone": "Asia/Seoul", "step": "month"}
    [row] = report(bank, year.owner, "sales", **later)["rows"]
    assert (row["refunded"], row["of_earlier"], row["net"]) == (gone, gone, -gone)
