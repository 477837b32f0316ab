"""Work that waits too long, and what a person has to decide, as the doctor says it."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from coinslot.database.monitoring import DatabaseBacklog, LedgerVerdict
from coinslot.diagnosis.backlog import late_work
from coinslot.diagnosis.shopfront import webhook_events
from coinslot.gateways.stripe.settings import StripeSettings
from tests.support.documentation import section, spans
from tests.support.sidecars import settings

HOUR = 3600.0


def backlog(**parts: Any) -> DatabaseBacklog:  # noqa: ANN401 - any field
    nothing: dict[str, Any] = dict.fromkeys(
        ("payments", "webhooks", "refunds", "closings", "reviews", "discrepancies"), ()
    )
    ledger = LedgerVerdict(checked_at=time.time() - HOUR, wallets=0)
    return DatabaseBacklog.model_validate({**nothing, "holds": 0, "ledger": ledger, **parts})


def waiting(seconds: float | None) -> dict[str, Any]:
    return {"gateway": "toss", "waiting": 3, "due": 3, "open": 3, "oldest_seconds": seconds,
            "overdue_seconds": seconds}  # fmt: skip


def test_nothing_is_late_and_the_books_add_up() -> None:
    lists = ("payments", "webhooks", "refunds", "closings")
    for quiet in (None, 30.0):
        found = late_work(backlog(**{name: [waiting(quiet)] for name in lists}))
        assert [(each.level, each.problem) for each in found] == [
            ("ok", "no work is late"),
            ("ok", "it added up 1 hour ago"),
        ]


@pytest.mark.parametrize(
    ("part", "seconds", "code", "says"),
    [
        ("webhooks", 61, "webhooks_overdue", "3 webhooks of toss wait, one for 1 minute"),
        ("payments", 601, "reads_overdue", "3 orders of toss are to be read, one since 10 minutes"),
        ("closings", 601, "closings_overdue", "3 orders are to be closed at toss"),
        ("refunds", 49 * HOUR, "refunds_old", "3 refunds of toss are open, one for 2 days"),
    ],
)
def test_what_is_late_is_named(part: str, seconds: float, code: str, says: str) -> None:
    first, *_ = late_work(backlog(**{part: [waiting(seconds)]}))
    assert first.code == code
    assert first.problem.startswith(says)


@pytest.mark.parametrize(
    ("ledger", "codes"),
    [
        (None, ["ledger_unchecked"]),
        (LedgerVerdict(checked_at=time.time() - 72 * HOUR, wallets=0), ["ledger_unchecked"]),
        (LedgerVerdict(checked_at=time.time(), wallets=2), ["ledger_unsound"]),
    ],
)
def test_books_that_do_not_add_up_or_were_not_checked(
    ledger: LedgerVerdict | None, codes: list[str]
) -> None:
    found = late_work(backlog(ledger=ledger))
    assert [each.code for each in found if each.part == "ledger"] == codes


def test_cases_are_counted_by_kind() -> None:
    cases = [{"kind": "wrong_amount", "gateway": each, "open": 2} for each in ("toss", "stripe")]
    found = late_work(backlog(discrepancies=cases))
    assert [each.problem for each in found if each.code == "discrepancies_open"] == [
        "a person has to decide: wrong_amount 4"
    ]


def mails(**parts: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    quiet: dict[str, Any] = {
        "overdue_seconds": None,
        "unreached": 0,
        "oldest_seconds": None,
        "shown": [],
    }
    return {**quiet, **parts}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({}, []),
        ({"overdue_seconds": 1700.0}, []),
        ({"overdue_seconds": 2 * HOUR}, ["mail waits to be sent, one for 2 hours"]),
        (
            {
                "unreached": 4,
                "oldest_seconds": 49 * HOUR,
                "shown": ["a***@x.kr", None, "b***@y.kr"],
            },
            ["4 people were not reached by mail, first 2 days ago: a***@x.kr, b***@y.kr"],
        ),
        (
            {"unreached": 1, "oldest_seconds": 60.0, "shown": ["a***@x.kr"]},
            ["1 person was not reached by mail, first 1 minute ago: a***@x.kr"],
        ),
    ],
)
def test_mail_that_does_not_arrive_is_named(parts: dict[str, Any], said: list[str]) -> None:
    found = late_work(backlog(mails=mails(**parts)))
    assert [each.problem for each in found if each.code.startswith("mails_")] == said


class TestWebhooks:
    stripe = next(
        each
        for each in settings(
            stripe_publishable_key="pk_test_1234", stripe_secret_key="sk_test_1234"
        ).gateways
        if isinstance(each, StripeSettings)
    )

    def seen(self, *types: str) -> list[str]:
        rows = [{"gateway": "stripe", "types": types}] if types else []
        [found] = webhook_events(self.stripe, backlog(events=rows).events)
        return [found.code, found.problem]

    def test_none_ever_came(self) -> None:
        assert self.seen()[0] == "webhook_never"

    def test_some_kinds_never_came(self) -> None:
        wanted = self.stripe.wanted_events - {"charge.refunded"}
        assert self.seen(*wanted) == [
            "webhook_events_never",
            "of stripe none of these events ever came: charge.refunded",
        ]

    def test_all_that_are_needed_came(self) -> None:
        assert self.seen(*self.stripe.wanted_events, "another")[0] == "ok"

    def test_a_database_that_cannot_tell_is_not_asked(self) -> None:
        assert list(webhook_events(self.stripe, None)) == []


def test_the_page_names_the_events_that_are_needed() -> None:
    kind = r"(payment_intent|charge|refund|radar)\.[a-z_.]+"
    named = {each for each in spans(section("gateways.md", "Stripe")) if re.fullmatch(kind, each)}
    assert named == set(StripeSettings.wanted_events)
