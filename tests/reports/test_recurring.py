"""Recurring revenue of subscriptions that begin, change, pause, end and come back, added up again
from what the test itself has done to them."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tests.reports.shop import ZONES, bank, report
from tests.support.sizes import sized

if TYPE_CHECKING:
    from uuid import UUID

    from tests.database.people import Bank
    from tests.support.clocks import Clock
    from tests.support.clusters import Cluster

__all__ = ["bank"]

SEED = 8
START = datetime(2027, 1, 28, 14, 30, tzinfo=UTC)
DAYS = sized(40, proofs=400)
RUNNING = ("active", "past_due")
PLANS = {"plus": ("month", 9900), "pro": ("month", 24900), "pro_yearly": ("year", 249000)}
FLOW = ("new", "reactivation", "expansion")

_BEGIN = """
insert into public.token_subscriptions (
  user_id, plan_id, family, gateway, live, every, amount, currency, tokens, rollover, time_zone,
  anchor, period_start, period_end, created_at
) values (
  %s, 'plus', 'main', 'portone', false, 'month', 9900, %s, 300, 'none', 'Asia/Seoul', %s, %s, %s, %s
) returning id
"""
_CHANGE = """
update public.token_subscriptions set status = %s, every = %s, amount = %s, end_reason = %s,
  ended_at = case when %s = 'ended' then clock_timestamp() end
where id = %s
"""


@dataclass
class Plan:
    """A subscription, as the test has it."""

    id: UUID
    user: UUID
    currency: str
    status: str = "incomplete"
    plan: str = "plus"

    @property
    def worth(self) -> int:
        every, amount = PLANS[self.plan]
        return (amount // 12 if every == "year" else amount) * (self.status in RUNNING)


@dataclass
class Course:
    bank: Bank
    clock: Clock
    chance: random.Random
    now: datetime = START
    plans: list[Plan] = field(default_factory=list)
    moves: list[tuple[datetime, str, str, int]] = field(default_factory=list)

    def step(self) -> None:
        self.now += timedelta(minutes=self.chance.randrange(20, 900))
        self.clock.set(self.now)
        if len(self.plans) < 8 or self.chance.randrange(6) == 0:
            self.begin(self.bank.user())
            return
        plan = self.chance.choice(self.plans)
        match plan.status:
            case "incomplete":
                self.turn(plan, self.chance.choice(("active", "active", "ended")))
            case "active" if self.chance.randrange(2):
                self.turn(plan, "active", self.chance.choice(list(PLANS)))
            case "active":
                self.turn(plan, self.chance.choice(("past_due", "paused", "ended")))
            case "past_due" | "paused":
                self.turn(plan, self.chance.choice(("active", "ended")))
            case "ended":
                others = [each for each in self.plans if each.user == plan.user]
                if all(each.status == "ended" for each in others):
                    self.begin(plan.user)

    def begin(self, user: UUID) -> None:
        currency = self.chance.choice(("KRW", "KRW", "USD"))
        later = self.now + timedelta(days=30)
        [row] = self.bank.rows(_BEGIN, user, currency, self.now, self.now, later, self.now)
        self.plans.append(Plan(row["id"], user, currency))

    def turn(self, plan: Plan, status: str, name: str | None = None) -> None:
        before, ran = plan.worth, plan.status in RUNNING
        had = any(each.user == plan.user and each.id in self._moved() for each in self.plans)
        plan.status, plan.plan = status, name or plan.plan
        every, amount = PLANS[plan.plan]
        reason = "unpaid" if status == "ended" else None
        self.bank.change(_CHANGE, status, every, amount, reason, status, plan.id)
        runs, change = status in RUNNING, plan.worth - before
        if runs and not ran:
            kind = "reactivation" if had else "new"
        elif ran and not runs:
            kind = "churn"
        else:
            kind = "expansion" if change > 0 else "contraction"
        if change:
            self._ids.add(plan.id)
            self.moves.append((self.now, plan.currency, kind, abs(change)))

    _ids: set[UUID] = field(default_factory=set)

    def _moved(self) -> set[UUID]:
        return self._ids


def test_what_subscriptions_are_worth_adds_up_in_every_zone(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    course = Course(bank, clocked[1], random.Random(SEED))  # noqa: S311 - the same each time
    course.clock.set(START)
    owner = bank.operator("owner")
    _sell(bank)
    while course.now < START + timedelta(days=DAYS):
        course.step()
    for zone in ZONES:
        end = course.now.astimezone(ZoneInfo(zone)).date().isoformat()
        options = {"from": "2027-01-01", "to": end, "zone": zone}
        for currency in ("KRW", "USD"):
            rows = report(bank, owner, "recurring", **options, currency=currency)["rows"]
            _adds_up(rows, course, zone, currency)
            _stopped(report(bank, owner, "churn", **options, currency=currency), course, currency)
    whole = report(bank, owner, "recurring", **options, step="all")
    assert sum(row["closing"] for row in whole["rows"]) == sum(p.worth for p in course.plans)
    running = sum(plan.status in RUNNING for plan in course.plans)
    assert sum(row["subscriptions"] for row in whole["rows"]) == running
    churn = report(bank, owner, "churn", **options, step="all")["rows"]
    assert sum(row["churn"] for row in churn) == sum(row["churn"] for row in whole["rows"]) > 0
    assert {row["label"] for row in churn} == {"unpaid", "paused"}


def _sell(bank: Bank) -> None:
    for plan, (every, amount) in PLANS.items():
        bank.rows(
            "select coinslot.set_plan(%s, %s, 'x', 'x', 300, %s::jsonb, 'main', 'none')",
            plan,
            every,
            f'{{"KRW": {amount}, "USD": {amount}}}',
        )


def _stopped(made: dict[str, Any], course: Course, currency: str) -> None:
    """Each day's churn, and how many stopped, as the test itself has it."""
    told, ended = Counter[str](), Counter[str]()
    for row in made["rows"]:
        told[row["day"]] += row["churn"]
        ended[row["day"]] += row["ended"]
    mine, stops = Counter[str](), Counter[str]()
    for at, of, kind, amount in course.moves:
        if of == currency and kind == "churn":
            day = at.astimezone(ZoneInfo(made["zone"])).date().isoformat()
            mine[day] += amount
            stops[day] += 1
    assert (told, ended) == (mine, stops), made["zone"]
    assert mine


def _adds_up(rows: list[dict[str, Any]], course: Course, zone: str, currency: str) -> None:
    closing = 0
    for row in rows:
        assert row["opening"] == closing
        mine = [
            (kind, amount)
            for at, of, kind, amount in course.moves
            if of == currency and at.astimezone(ZoneInfo(zone)).date().isoformat() == row["day"]
        ]
        for kind in (*FLOW, "contraction", "churn"):
            assert row[kind] == sum(amount for each, amount in mine if each == kind), (zone, kind)
        closing += sum(row[kind] for kind in FLOW) - row["contraction"] - row["churn"]
        assert row["closing"] == closing
        if row["opening"]:
            lost = 100 * (row["churn"] + row["contraction"]) / row["opening"]
            assert abs(row["churn_percent"] - lost) < 0.051
        else:
            assert row["churn_percent"] is None


def test_a_period_without_a_move_still_says_what_there_is(
    bank: Bank, clocked: tuple[Cluster, Clock]
) -> None:
    clocked[1].set(START)
    owner = bank.operator("owner")
    _sell(bank)
    course = Course(bank, clocked[1], random.Random(SEED))  # noqa: S311 - the same each time
    course.begin(bank.user())
    plan = course.plans[0]
    plan.currency = "KRW"
    bank.change("update token_subscriptions set currency = 'KRW'")
    course.turn(plan, "active")
    clocked[1].set(datetime(2027, 3, 10, tzinfo=UTC))
    options = {"from": "2027-02-01", "to": "2027-02-28", "step": "month"}
    [row] = report(bank, owner, "recurring", **options)["rows"]
    assert (row["opening"], row["closing"], row["subscriptions"]) == (9900, 9900, 1)
    assert row["churn_percent"] == 0
