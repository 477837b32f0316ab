"""Rules of the console's pages and of recurring revenue, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

PAGES = "sql_tests/42_console_pages.test.sql"
ENDPOINTS = "sql_tests/40_endpoints.test.sql"


def _mutant(
    name: str, breaks: str, function: str, change: tuple[str, str], proof: str
) -> SqlMutant:
    return SqlMutant(name, breaks, (Rewrite(f"coinslot.{function}", *change),), (proof,))


MUTANTS = (
    _mutant(
        "subscription-canceled-twice",
        "of two operators who end a subscription one is told of the other",
        "cancel_as",
        ("if v_before.status = 'ended' or v_before.cancel_at_end then", "if false then"),
        PAGES,
    ),
    _mutant(
        "cancel-unnoted",
        "the owner of a subscription sees who ended it",
        "cancel_as",
        ("""'{"by": "operator"}'""", "'{}'"),
        PAGES,
    ),
    _mutant(
        "endpoints-for-all",
        "endpoints are owners' alone",
        "roles_for",
        ("'export'::text", "'export'::text, 'set_endpoint'::text"),
        "sql_tests/39_console.test.sql",
    ),
    _mutant(
        "setting-overwritten",
        "who changes a setting has seen what it was",
        "check_changes",
        ("e.value is distinct from check_changes.shown -> e.key", "false"),
        PAGES,
    ),
    _mutant(
        "setting-of-any-kind",
        "a setting is of its kind",
        "check_changes",
        (
            "coinslot.is_setting(coinslot.console_settings() ->> c.key, c.value) is not true",
            "coinslot.console_settings() ->> c.key is null",
        ),
        PAGES,
    ),
    _mutant(
        "silent-endpoint-waits-for-a-day",
        "an endpoint that names no time is tried again in seconds",
        "note_failure",
        ("coalesce(note_failure.retry_after, 0)", "note_failure.retry_after"),
        ENDPOINTS,
    ),
    _mutant(
        "late-payers-churned",
        "a declined charge is no churn before it is given up",
        "is_recurring",
        ("in ('active', 'past_due')", "in ('active')"),
        PAGES,
    ),
    _mutant(
        "year-counted-as-month",
        "a yearly price counts a twelfth",
        "monthly_worth",
        ("subscription.amount / 12", "subscription.amount"),
        PAGES,
    ),
    _mutant(
        "who-returns-is-new",
        "who had a plan before comes back",
        "note_recurring",
        ("then 'reactivation'", "then 'new'"),
        PAGES,
    ),
    _mutant(
        "totals-begin-anew",
        "totals of orders go on from those before",
        "total_orders",
        ("coalesce(l.paid, 0) + sum(f.paid) over w", "sum(f.paid) over w"),
        PAGES,
    ),
    _mutant(
        "totals-of-the-next-day",
        "an order is of the day on which it was made",
        "orders_between",
        ("t.at < least(b.at, orders_between.summed_to)", "t.at <= b.at"),
        PAGES,
    ),
)
