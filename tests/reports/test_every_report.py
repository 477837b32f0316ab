"""Every report of the played shop, day by day, computed a second way; none is left out."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tests.reports import test_recurring
from tests.reports.shop import ZONES, bank, column, days, report, span, summed, year

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.database.people import Bank
    from tests.reports.played_year import Year

__all__ = ["bank", "year"]

GIVEN = {"signup_bonus", "grant", "refill", "promotion", "referral"}
TAKEN = {"refund", "dispute", "reversal", "test_reversal", "referral_reversal"}
Rows = list[dict[str, Any]]


def test_each_report_says_of_each_day_what_happened(year: Year) -> None:
    assert any(amount for _, amount in year.used_back), "nothing was refunded that was used"
    assert any(amount for _, amount in year.expired_back), "nor anything that had expired"
    _settle(year)
    year.now += timedelta(minutes=20)
    year.clock.set(year.now)
    summed(year.bank)
    for zone in ZONES:
        for name, check in CHECKS.items():
            made = report(year.bank, year.owner, name, **span(year, zone), step="day")
            assert made["rows"], name
            check(year, zone, made["rows"])


def test_no_report_is_without_a_check(bank: Bank) -> None:
    [row] = bank.rows("select coinslot.report_names() as names")
    elsewhere = {"recurring", "churn"}
    assert set(row["names"]) == set(CHECKS) | elsewhere
    checked = test_recurring.test_what_subscriptions_are_worth_adds_up_in_every_zone
    assert elsewhere <= set(checked.__code__.co_consts)


def _money(kind: Callable[[Year, str], str]) -> Callable[[Year, str, Rows], None]:
    """Of sales by kinds of orders: paid, refunded, how many, net, and what is of earlier days."""

    def check(year: Year, zone: str, rows: Rows) -> None:
        mine: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for at, what, amount, order in year.moves:
            day = _day(at, zone)
            found = mine[day, kind(year, order)]
            found[what] += amount
            found["payments"] += what == "paid"
            found["net"] += amount if what == "paid" else -amount
            if what == "refunded" and _day(year.sold_at[order], zone) < day:
                found["of_earlier"] += amount
        assert len(mine) == len(rows)
        for row in rows:
            for name in ("paid", "refunded", "payments", "net", "of_earlier"):
                assert row[name] == mine[row["day"], row["label"]][name], (zone, row, name)

    return check


def _product(year: Year, order: str) -> str:
    return str(_of(year, order)["product_id"])


def _method(year: Year, order: str) -> str:
    return str(_of(year, order)["method"] or "")


def _of(year: Year, order: str) -> dict[str, Any]:
    if not hasattr(year, "known"):
        found = year.bank.rows("select order_id, product_id, method from token_payments")
        vars(year)["known"] = {row["order_id"]: row for row in found}
    known: dict[str, dict[str, Any]] = vars(year)["known"]
    return known[order]


def _vat(year: Year, zone: str, rows: Rows) -> None:
    """A tenth of the rest, of what each payment holds after each move of its money."""
    held: Counter[str] = Counter()
    mine: Counter[str] = Counter()
    for at, what, amount, order in year.moves:
        before = _tax(held[order])
        held[order] += amount if what == "paid" else -amount
        mine[_day(at, zone)] += _tax(held[order]) - before
    assert column(rows, "vat") == Counter({day: tax for day, tax in mine.items() if tax}), zone
    assert all(row["supply"] == row["net"] - row["vat"] for row in rows)


def _tax(amount: int) -> int:
    return (2 * amount + 11) // 22


def check_tokens(year: Year, zone: str, rows: Rows) -> None:
    """Entries when they were written, but of what expired when its lot ended."""
    entries = [
        (entry["created_at"], entry["kind"], entry["delta"])
        for entry in year.bank.rows(
            "select created_at, kind, delta from token_ledger where kind <> 'expiry'"
        )
    ] + [
        (lot["expires_at"], "expiry", -lot["expired"])
        for lot in year.bank.rows("select expires_at, expired from token_lots where expired > 0")
    ]
    kinds: tuple[tuple[str, set[str], int], ...] = (
        *(("sold", {"purchase"}, 1), ("given", GIVEN, 1), ("expired", {"expiry"}, -1)),
        *(("spent", {"spend", "spend_refund"}, -1), ("taken_back", TAKEN, -1)),
    )
    for name, those, sign in kinds:
        mine = [(at, sign * delta) for at, kind, delta in entries if kind in those]
        assert column(rows, name) == days(year, zone, mine), (zone, name)
    balance = 0
    change = days(year, zone, [(at, delta) for at, _, delta in entries])
    for row in rows:
        assert row["opening"] == balance
        balance += change[row["day"]]
        assert row["outstanding"] == balance, (zone, row)
    [written] = year.bank.rows("select sum(delta) as tokens from token_ledger")
    assert balance == written["tokens"]


def check_liability(year: Year, zone: str, rows: Rows) -> None:
    """Each of its flows by the price of the lots, and the balance that they lead to."""
    expected = liability_flows(year)
    for name, mine in expected.items():
        assert column(rows, name) == days(year, zone, mine), (zone, name)
    closing = 0
    for row in rows:
        assert row["opening"] == closing
        closing += row["sold"] - row["recognised"] - row["breakage"] - row["refunded"]
        assert row["closing"] == closing
    assert closing == sum(map(year.worth, year.people))
    kept = sum(amount if what == "paid" else -amount for _, what, amount in year.money)
    assert kept == closing + sum(row["recognised"] + row["breakage"] for row in rows)


def liability_flows(year: Year) -> dict[str, list[tuple[datetime, int]]]:
    """Sold and refunded as the gateway has it; of what was used and what expired that much less as
    went back later."""
    gone = [(lot["expires_at"], _left(lot)) for lot in year.bank.rows(_EXPIRED)]
    return {
        "sold": [(at, amount) for at, what, amount in year.money if what == "paid"],
        "refunded": [(at, amount) for at, what, amount in year.money if what == "refunded"],
        "recognised": year.used + _less(year.used_back),
        "breakage": gone + _less(year.expired_back),
    }


def _less(facts: list[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    return [(at, -amount) for at, amount in facts]


_EXPIRED = """
select expires_at, expired, price, price_tokens from token_lots
where expired > 0 and price is not null
"""


def _left(lot: dict[str, Any]) -> int:
    used: int = lot["price"] * (lot["price_tokens"] - lot["expired"]) // lot["price_tokens"]
    return int(lot["price"]) - used


def _funnel(year: Year, zone: str, rows: Rows) -> None:
    figures: tuple[tuple[str, Callable[[bool, bool], bool]], ...] = (
        ("orders", lambda _declined, _pays: True),
        ("declined", lambda declined, _pays: declined),
        ("paid", lambda _declined, pays: pays),
        ("first_try", lambda declined, pays: pays and not declined),
        ("recovered", lambda declined, pays: pays and declined),
    )
    for name, wanted in figures:
        mine = [(at, 1) for at, declined, pays in year.orders if wanted(declined, pays)]
        told: Counter[str] = Counter()
        for row in rows:
            told[row["day"]] += row[name]
        assert +told == days(year, zone, mine), (zone, name)


def _declines(year: Year, zone: str, rows: Rows) -> None:
    assert {row["label"] for row in rows} == {"expired_card"}
    mine = [(at, 1) for at, declined, _ in year.orders if declined]
    told: Counter[str] = Counter()
    for row in rows:
        told[row["day"]] += row["attempts"]
    assert told == days(year, zone, mine), zone


VERDICTS = ("matched", "later", "different", "missing", "unknown", "foreign", "other_mode")
DIFFERING = {"different", "missing", "unknown"}
UNSEEN = {"later", "foreign", "other_mode"}
HOUR = timedelta(hours=1)


def _settle(year: Year) -> None:
    """Audits of each day in which somebody paid, and of the hour in which; some days and all of
    it once more, later. Of real money there are windows of the same times."""
    _look(year, year.money[0][0].replace(hour=0), timedelta(days=len(year.money)), live=False)
    for number, (at, what, _, _) in enumerate(year.moves):
        if what == "paid":
            day = at.replace(hour=0, minute=0, second=0, microsecond=0)
            _look(year, day, timedelta(days=1 + number % 2), live=False)
            if number % 5 == 0:
                _look(year, day, timedelta(days=3), live=True)
            _look(year, at.replace(minute=0, second=0, microsecond=0), HOUR, live=False)


def _look(year: Year, since: datetime, length: timedelta, *, live: bool) -> None:
    """A finished audit; the gateway says another amount at each look."""
    looked = year.__dict__.setdefault("looked", [])
    window = (since.replace(minute=0, second=0, microsecond=0), length, live)
    if window in looked:
        return
    looked.append(window)
    since, until = window[0], window[0] + length
    [audit] = year.bank.rows(_AUDIT, since, until, live)
    for number, (at, what, amount, order) in enumerate(year.moves):
        if what == "paid" and since <= at < until:
            verdict = VERDICTS[number % len(VERDICTS)]
            theirs = amount + len(looked)
            year.bank.rows(_LINE, audit["id"], order, order, verdict, at, theirs, amount)
    year.bank.rows(
        "select coinslot.total_audit(a) from coinslot.audits a where id = %s", audit["id"]
    )


_AUDIT = """
insert into coinslot.audits (gateway, since, until, live, ended_at, finished_at)
values ('portone', %s, %s, %s, clock_timestamp(), clock_timestamp()) returning id
"""
_LINE = """
insert into coinslot.audit_lines (
  audit_id, payment_key, order_id, verdict, currency, moved_at, paid, our_paid, refunded,
  our_refunded
) values (%s, %s, %s, %s, 'KRW', %s, %s, %s, 0, 0) returning audit_id
"""


def _settlement(year: Year, zone: str, rows: Rows) -> None:
    """Each payment once, as the latest look at test money that its time was in found it."""
    looks = list(enumerate(year.__dict__["looked"], 1))
    mine: dict[str, Counter[str]] = defaultdict(Counter)
    for number, (at, what, amount, _) in enumerate(year.moves):
        verdict = VERDICTS[number % len(VERDICTS)]
        if what == "paid" and verdict not in UNSEEN:
            found = mine[_day(at, zone)]
            found["payments"] += 1
            found["differing"] += verdict in DIFFERING
            found["matched"] += verdict not in DIFFERING
            found["their_paid"] += amount + max(
                look
                for look, (since, length, live) in looks
                if not live and since <= at < since + length
            )
            found["our_paid"] += amount
    assert {row["day"] for row in rows} == set(mine)
    for row in rows:
        for name in ("payments", "matched", "differing", "their_paid", "our_paid"):
            assert row[name] == mine[row["day"]][name], (zone, row, name)


def _day(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).date().isoformat()


CHECKS: dict[str, Callable[[Year, str, Rows], None]] = {
    "sales": _money(lambda _year, _order: ""),
    "methods": _money(_method),
    "products": _money(_product),
    "vat": _vat,
    "funnel": _funnel,
    "declines": _declines,
    "tokens": check_tokens,
    "liability": check_liability,
    "settlement": _settlement,
}
