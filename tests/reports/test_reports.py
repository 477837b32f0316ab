"""Figures of a played quarter, each computed a second way from what the test itself has done."""

from __future__ import annotations

import csv
import io
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from psycopg.types.json import Jsonb

from tests.database.people import Bank, Call, gateway_says, maintain
from tests.reports.played_year import Year
from tests.support.clocks import Clock
from tests.support.clusters import Cluster
from tests.support.sizes import sized

SEED = 21
DAYS = sized(45, proofs=365)
ZONES = ("Asia/Seoul", "UTC", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns")


@pytest.fixture
def bank(clocked: tuple[Cluster, Clock]) -> Iterator[Bank]:
    cluster, clock = clocked
    with (
        cluster.clone(cluster.template("strict")) as name,
        closing(Bank(cluster.url(name))) as bank,
    ):
        yield bank
        clock.let_run()


def report(bank: Bank, owner: UUID, name: str, **options: str) -> dict[str, Any]:
    call = Call("token_console_report", {"report": name, "options": Jsonb(options)}, owner)
    answer: dict[str, Any] = bank.ask(call)["token_console_report"]
    return answer


def summed(bank: Bank) -> None:
    """Until a whole round of the wallets that began now is over."""
    for _ in range(2):
        while True:
            bank.ask(maintain())
            [row] = bank.rows("select walk_began_at from coinslot.report_progress")
            if row["walk_began_at"] is None:
                break


@pytest.fixture
def year(bank: Bank, clocked: tuple[Cluster, Clock]) -> Year:
    played = Year(bank, clocked[1], random.Random(SEED))  # noqa: S311 - the same each time
    played.begin()
    for _ in range(DAYS):
        played.day()
    return played


def days(year: Year, zone: str, facts: list[tuple[datetime, Any]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for at, amount in facts:
        found[at.astimezone(ZoneInfo(zone)).date().isoformat()] += amount
    return Counter({day: n for day, n in found.items() if n})


def column(rows: list[dict[str, Any]], name: str) -> Counter[str]:
    return Counter({row["day"]: row[name] for row in rows if row[name]})


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


def span(year: Year, zone: str) -> dict[str, str]:
    end = year.now.astimezone(ZoneInfo(zone)).date()
    return {"from": "2027-01-01", "to": end.isoformat(), "zone": zone}


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
    assert column(made["rows"], "recognised") == days(year, zone, year.used), zone
    assert made["rows"][-1]["closing"] == sum(map(year.worth, year.people))
    sold = [(at, amount) for at, what, amount in year.money if what == "paid"]
    assert column(made["rows"], "sold") == days(year, zone, sold), zone
    for before, row in zip([{"closing": 0}, *made["rows"]], made["rows"], strict=False):
        assert row["opening"] == before["closing"]
        flow = row["sold"] - row["recognised"] - row["breakage"] - row["taken_back"] + row["moved"]
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


def test_a_month_ends_when_it_ends_in_the_zone(bank: Bank, clocked: tuple[Cluster, Clock]) -> None:
    """The last microsecond and the first, of a month in Seoul and of one in UTC."""
    clock = clocked[1]
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    owner, buyer = bank.operator("owner"), bank.user()
    seoul = datetime(2027, 1, 31, 15, tzinfo=UTC)
    utc = datetime(2027, 2, 1, tzinfo=UTC)
    for at in (seoul, utc):
        for moment in (at - timedelta(seconds=1), at):
            clock.set(moment)
            bank.ask(gateway_says(bank.order(buyer), 1, paid=5000))
    clock.set(datetime(2027, 3, 10, tzinfo=UTC))
    given = {"from": "2027-01-01", "to": "2027-02-28", "step": "month"}
    for books in ("open", "summed"):
        for zone, januarys in (("Asia/Seoul", 1), ("Asia/Kolkata", 2), ("UTC", 3)):
            for name in ("sales", "funnel", "vat"):
                rows = report(bank, owner, name, **given, zone=zone)["rows"]
                column_of = "orders" if name == "funnel" else "payments"
                told = [row[column_of] for row in rows]
                assert told == [januarys, 4 - januarys], (books, name, zone)
        summed(bank)


def test_a_deposit_that_is_taken_back_goes_back_of_its_sale(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    clock = clocked[1]
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    owner, buyer = bank.operator("owner"), bank.user()
    order = bank.order(buyer)
    bank.ask(gateway_says(order, 1, paid=5000))
    clock.set(datetime(2027, 2, 5, tzinfo=UTC))
    bank.ask(gateway_says(order, 2, state="canceled"))
    options = {"from": "2027-01-01", "to": "2027-02-28", "step": "month"}
    rows = report(bank, owner, "sales", **options)["rows"]
    assert [(row["payments"], row["net"], row["of_earlier"]) for row in rows] == [
        (1, 5000, 0),
        (-1, -5000, 5000),
    ]


def test_the_worked_example(bank: Bank, clocked: tuple[Cluster, Clock]) -> None:
    """Five tokens given, ten bought for 5,000, thirty for 12,000; 12 used in January, 20 later."""
    clock = clocked[1]
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    owner, buyer = bank.operator("owner"), bank.user(5)
    for product, price in (("starter", 5000), ("standard", 12000)):
        arguments = {"product_id": product, "gateway": "portone"}
        order = str(bank.ask(Call("create_token_order", arguments, buyer))["order_id"])
        bank.ask(gateway_says(order, 1, amount=price, paid=price))
    for month, amount in ((1, 12), (2, 20)):
        clock.set(datetime(2027, month, 20, tzinfo=UTC))
        bank.ask(Call("spend_tokens", {"amount": amount, "idempotency_key": str(month)}, buyer))
    clock.set(datetime(2027, 3, 1, 12, tzinfo=UTC))
    summed(bank)
    rows = report(
        bank, owner, "liability", **{"from": "2027-01-01", "to": "2027-02-28"}, step="month"
    )["rows"]
    assert [(row["recognised"], row["closing"]) for row in rows] == [(3500, 13500), (8300, 5200)]


def test_a_month_in_which_nothing_moved_still_says_what_there_is(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    clock = clocked[1]
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    owner, buyer = bank.operator("owner"), bank.user()
    bank.ask(gateway_says(bank.order(buyer), 1, paid=5000))
    clock.set(datetime(2027, 3, 10, tzinfo=UTC))
    summed(bank)
    options = {"from": "2027-02-01", "to": "2027-02-28", "step": "month"}
    [tokens] = report(bank, owner, "tokens", **options)["rows"]
    assert (tokens["opening"], tokens["sold"], tokens["outstanding"]) == (10, 0, 10)
    [owed] = report(bank, owner, "liability", **options)["rows"]
    assert [owed[name] for name in ("opening", "sold", "closing", "closing_tokens")] == [
        *(5000, 0, 5000, 10)
    ]
    assert not report(bank, owner, "liability", **options, currency="USD")["rows"]


def test_orders_from_before_have_their_moves(bank: Bank, clocked: tuple[Cluster, Clock]) -> None:
    """As after an upgrade: by the maintenance, or before the next move of their money."""
    clock = clocked[1]
    clock.set(datetime(2027, 1, 5, tzinfo=UTC))
    owner, buyer = bank.operator("owner"), bank.user()
    orders = []
    for _ in range(3):
        orders.append(bank.order(buyer))
        bank.ask(gateway_says(orders[-1], 1, paid=5000))
    bank.change("delete from coinslot.money_moves")
    clock.set(datetime(2027, 2, 5, tzinfo=UTC))
    bank.ask(gateway_says(orders[0], 2, paid=5000, refunded=2000))
    summed(bank)
    rows = report(bank, owner, "sales", **{"from": "2027-01-01", "to": "2027-02-28"}, step="month")[
        "rows"
    ]
    assert [(row["paid"], row["refunded"], row["of_earlier"]) for row in rows] == [
        (15000, 0, 0),
        (0, 2000, 2000),
    ]


def test_a_file_holds_what_a_report_has_and_no_formula(bank: Bank) -> None:
    owner, support = bank.operator("owner"), bank.operator("support")
    buyer = bank.user()
    order = bank.order(buyer)
    bank.ask(
        gateway_says(
            order, 1, state="failed", failure_reason='=HYPERLINK("http://x"), "said" the bank'
        )
    )
    today = date.today().isoformat()  # noqa: DTZ011 - a wide span around it
    options = Jsonb({"from": "2026-01-01", "to": max(today, "2027-01-01"), "step": "all"})
    asked = {"report": "declines", "options": options, "reason": "for the books"}
    text = bank.ask(Call("token_console_export", asked, owner))["token_console_export"]
    assert text.startswith("\ufeff")
    [row] = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert row["label"] == '\'=HYPERLINK("http://x"), "said" the bank'
    lines = bank.ask(Call("token_console_export", asked | {"format": "jsonl"}, owner))
    assert lines["token_console_export"].count("\n") == 1
    noted = bank.rows(
        "select count(*) as n from coinslot.operator_actions where action = %s", "report_exported"
    )
    assert noted[0]["n"] == 2
    with pytest.raises(Exception, match="forbidden"):
        bank.ask(Call("token_console_export", asked, support))


@pytest.mark.parametrize(
    "options",
    [
        {"from": "2026-01-01"},
        {"from": "2026-02-30", "to": "2026-03-01"},
        {"from": "2026-03-01", "to": "2026-02-01"},
        {"from": "2006-01-01", "to": "2026-02-01"},
        {"from": "2026-01-01", "to": "2026-02-01", "zone": "Mars/Olympus"},
        {"from": "2026-01-01", "to": "2026-02-01", "step": "fortnight"},
        {"from": "2026-01-01", "to": "2026-02-01", "live": "maybe"},
        {"from": "2026-01-01", "to": "2026-02-01", "group": "x"},
        {"from": "=1+1", "to": "2026-02-01"},
    ],
)
def test_options_that_make_no_report_are_refused(bank: Bank, options: dict[str, str]) -> None:
    owner = bank.operator("owner")
    with pytest.raises(Exception, match="invalid_argument"):
        report(bank, owner, "sales", **options)
