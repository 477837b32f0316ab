"""Work that waits for longer than it should, and cases for a person."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from coinslot.diagnosis.findings import Finding, fault, sound, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coinslot.database.monitoring import DatabaseBacklog, LateMails, LedgerVerdict

# Seconds, as the alerts have them.
OVERDUE_WEBHOOK = 60.0
OVERDUE_EVENT = 300.0
OVERDUE_READ = 600.0
OVERDUE_MAIL = 1800.0
OLD_REFUND = 86_400.0
OLD_LEDGER_CHECK = 2 * 86_400.0

_NO_SERVER = "Look whether a server runs, and for sweep_failed or repeated_work_failed in its log"


def late_work(found: DatabaseBacklog) -> list[Finding]:
    late = [*_overdue(found), *_old_refunds(found)]
    return [
        *(late or [sound("backlog", "no work is late")]),
        *_events(found),
        *_mails(found.mails),
        *_cases(found),
        *_ledger(found.ledger),
    ]


def _overdue(found: DatabaseBacklog) -> Iterator[Finding]:
    for hint in found.webhooks:
        if (since := hint.overdue_seconds or 0) > OVERDUE_WEBHOOK:
            said = f"{hint.waiting} webhooks of {hint.gateway} wait, one for {_time(since)}"
            yield fault("backlog", "webhooks_overdue", said, _NO_SERVER)
    for read in found.payments:
        if (since := read.overdue_seconds or 0) > OVERDUE_READ:
            said = f"{read.due} orders of {read.gateway} are to be read, one since {_time(since)}"
            yield fault("backlog", "reads_overdue", said, _NO_SERVER)
    for closing in found.closings:
        if (since := closing.overdue_seconds or 0) > OVERDUE_READ:
            said = f"{closing.waiting} orders are to be closed at {closing.gateway},"
            yield fault(
                "backlog", "closings_overdue", f"{said} one since {_time(since)}", _NO_SERVER
            )


def _old_refunds(found: DatabaseBacklog) -> Iterator[Finding]:
    for refund in found.refunds:
        if (since := refund.oldest_seconds or 0) > OLD_REFUND:
            said = f"{refund.open} refunds of {refund.gateway} are open, one for {_time(since)}"
            todo = f"Look at the console of {refund.gateway}, then: coinslot close-refund"
            yield warning("backlog", "refunds_old", said, todo)


def _events(found: DatabaseBacklog) -> Iterator[Finding]:
    for each in found.endpoints:
        if not each.active and each.failing_seconds is not None:
            said = f"the endpoint {each.endpoint} was switched off: nothing arrived there"
            todo = f"coinslot endpoints log {each.endpoint}; then enable and replay"
            yield warning("backlog", "endpoint_disabled", said, todo)
        elif (since := each.overdue_seconds or 0) > OVERDUE_EVENT:
            said = f"{each.waiting} events wait for {each.endpoint}, one for {_time(since)}"
            yield warning("backlog", "events_overdue", said, _NO_SERVER)


def _mails(found: LateMails | None) -> Iterator[Finding]:
    if found is None:
        return
    if (since := found.overdue_seconds or 0) > OVERDUE_MAIL:
        said = f"mail waits to be sent, one for {_time(since)}"
        todo = "Look whether a server with COINSLOT_SMTP_HOST runs, and for its log: mail_"
        yield warning("backlog", "mails_overdue", said, todo)
    if found.unreached:
        people = "1 person was" if found.unreached == 1 else f"{found.unreached} people were"
        some = ", ".join(filter(None, found.shown))
        said = f"{people} not reached by mail, first {_time(found.oldest_seconds or 0)} ago: {some}"
        todo = "Look at Events in the console for the mail server's answers"
        yield warning("backlog", "mails_not_arrived", said, todo)


def _cases(found: DatabaseBacklog) -> Iterator[Finding]:
    counts: dict[str, int] = {}
    for each in found.discrepancies:
        counts[each.kind] = counts.get(each.kind, 0) + each.open
    if counts:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
        yield warning(
            "backlog",
            "discrepancies_open",
            f"a person has to decide: {kinds}",
            "coinslot discrepancies list; docs/runbook.md says what each means",
        )


def _ledger(ledger: LedgerVerdict | None) -> Iterator[Finding]:
    todo = "A server checks it daily: look for check_ledger in its log"
    if ledger is None:
        yield warning("ledger", "ledger_unchecked", "it was never checked", todo)
        return
    if ledger.wallets:
        yield fault(
            "ledger",
            "ledger_unsound",
            f"{ledger.wallets} wallets do not add up",
            "Stop and find out why: select * from coinslot.verify_ledger();",
        )
    age = time.time() - ledger.checked_at
    if age > OLD_LEDGER_CHECK:
        yield warning("ledger", "ledger_unchecked", f"it was checked {_time(age)} ago", todo)
    elif not ledger.wallets:
        yield sound("ledger", f"it added up {_time(age)} ago")


def _time(seconds: float) -> str:
    """As a person says it: 45 seconds, 12 minutes, 3 hours, 2 days."""
    left = max(seconds, 0)
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if left >= size:
            count = int(left // size)
            return f"{count} {name}{'s' if count > 1 else ''}"
    return "a moment"
