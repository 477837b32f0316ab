"""Rules of audits, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Rewrite, SidecarMutant, SqlMutant

AUDITS = "sql_tests/17_audits.test.sql"
_LISTS = "tests/gateways"
_TOSS, _STRIPE = f"{_LISTS}/toss/test_list.py", f"{_LISTS}/stripe/test_list.py"
_PORTONE, _ODD = f"{_LISTS}/portone/test_listing.py", "tests/payments/test_odd_rows.py"


def _sql(name: str, breaks: str, function: str, old: str, new: str) -> SqlMutant:
    return SqlMutant(name, breaks, (Rewrite(f"coinslot.{function}", old, new),), (AUDITS,))


def _listing(  # noqa: PLR0917
    name: str, breaks: str, file: str, old: str, new: str, proof: str
) -> SidecarMutant:
    return SidecarMutant(name, breaks, Edit(f"sidecar/coinslot/{file}", old, new), (proof,))


MUTANTS = (
    _sql(
        "audit-believes-what-is-left",
        "money that went back unheard of differs",
        "agrees",
        "and a.paid - a.refunded - a.refunding - a.withdrawn <= coalesce(r.left, a.paid)",
        "",
    ),
    _sql(
        "audit-passes-disputes-over",
        "a dispute that is unheard of differs",
        "agrees",
        "(coalesce(r.refunding, a.refunding), coalesce(r.disputed, a.disputed))\n"
        "      = (a.refunding, a.disputed)",
        "true",
    ),
    _sql(
        "audit-row-overrules-another",
        "what does not agree is read, whatever another row says",
        "audit_payments",
        "when l.verdict in ('unread', 'unknown', 'different') and excluded.refunded is null",
        "when false and excluded.refunded is null",
    ),
    _sql(
        "audit-older-row-overrules",
        "an account that was issued says nothing of its deposit",
        "audit_payments",
        "where (excluded.paid = 0 and l.paid > 0 and excluded.moved_at < l.moved_at) is not true",
        "",
    ),
    _sql(
        "audit-finished-though-odd",
        "a window with odd rows is not finished",
        "end_look",
        "if v_audit.odd = 0 or v_audit.odd_mark = v_audit.accepted_mark then",
        "if true then",
    ),
    _sql(
        "audit-accepts-other-rows",
        "whoever accepted odd rows has not accepted others",
        "end_look",
        "v_audit.odd_mark = v_audit.accepted_mark",
        "v_audit.accepted_mark is not null",
    ),
    _sql(
        "audit-retries-for-ever",
        "odd rows are looked at eight times",
        "audit_retry",
        "WHEN (tries < 8)",
        "WHEN true",
    ),
    _sql(
        "audit-days-newest-first",
        "days that were missed are made up for, oldest first",
        "due_audits",
        "order by d.since",
        "order by d.since desc",
    ),
    _sql(
        "audit-never-looks-again",
        "a day is looked at again when it is time",
        "is_due",
        "else audit.next_look_at <= clock_timestamp()",
        "else false",
    ),
    _sql(
        "audit-reads-what-moved-later",
        "what is known to have moved after the window is not read for it",
        "audit_unlisted",
        "and t.refunded + t.refunding + t.withdrawn = 0",
        "",
    ),
    _listing(
        "odd-rows-pass",
        "rows that cannot be read are counted",
        "payments/odd_rows.py",
        "self.count += 1",
        "pass",
        _ODD,
    ),
    _listing(
        "odd-rows-unmarked",
        "other odd rows have another mark",
        "payments/odd_rows.py",
        "self._sum = (self._sum + int.from_bytes(digest)) % _MODULUS",
        "self._sum = len(digest)",
        _ODD,
    ),
    _listing(
        "odd-row-hides-others",
        "an odd row hides none of the others",
        "gateways/listing.py",
        "            odd.append(OddRow(_key(row, key_field), _why(error)))\n            continue",
        "            odd.append(OddRow(_key(row, key_field), _why(error)))\n            break",
        f"{_TOSS}::test_thousand_odd_rows_in_constant_memory",
    ),
    _listing(
        "toss-lists-payments-only",
        "a cancel is seen on its day",
        "gateways/toss/listing.py",
        '"CANCELED": {"left": 0},',
        "",
        f"{_TOSS}::test_cancel_is_seen_on_its_day",
    ),
    _listing(
        "toss-passes-undone-deposits-over",
        "a deposit that was undone is seen on its day",
        "gateways/toss/listing.py",
        '"WAITING_FOR_DEPOSIT": {"paid": 0},',
        "",
        f"{_TOSS}::test_deposit_that_was_undone_is_seen_on_its_day",
    ),
    _listing(
        "stripe-lists-charges-only",
        "refunds and disputes are seen on their day",
        "gateways/stripe/listing.py",
        '*("charge.succeeded", "charge.captured", "charge.refunded", "charge.refund.updated"),',
        '*("charge.succeeded", "charge.captured"),',
        f"{_STRIPE}::test_refund_and_dispute_are_seen_on_their_day",
    ),
    _listing(
        "stripe-asks-for-old-events",
        "what is older than Stripe's events is read from its lists",
        "gateways/stripe/listing.py",
        'return ("event",) if since > now - KEPT else ("charge", "refund", "dispute")',
        'return ("event",)',
        f"{_STRIPE}::test_what_is_older_than_events_is_seen_in_the_lists",
    ),
    _listing(
        "v1-lists-paid-only",
        "a payment that was canceled is seen on that day",
        "gateways/portone/v1/adapter.py",
        'lists = (partial(self._listed, "paid"), partial(self._listed, "cancelled"))',
        'lists = (partial(self._listed, "paid"),)',
        f"{_PORTONE}::TestV1::test_cancelled_long_after_it_was_paid_is_seen_on_that_day",
    ),
    _listing(
        "v2-lists-paid-only",
        "a payment that was canceled is seen on that day",
        "gateways/portone/v2/listing.py",
        '_MOVED = ["PAID", "PARTIAL_CANCELLED", "CANCELLED", "VIRTUAL_ACCOUNT_ISSUED"]',
        '_MOVED = ["PAID"]',
        f"{_PORTONE}::TestV2::test_only_of_its_time_and_where_canceled_of_that",
    ),
)
