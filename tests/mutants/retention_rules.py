"""Rules of retention and of the first look at fraud, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, Run, SqlMutant

RETENTION = "sql_tests/25_retention.test.sql"
FRAUD = "sql_tests/26_fraud.test.sql"

_MONEY_OF_AN_ATTEMPT = "greatest(a.paid, a.refunded, a.refunding, a.disputed, a.withdrawn) > 0"


def _forgets(name: str, breaks: str, old: str, new: str) -> SqlMutant:
    """Of what makes an order abandoned."""
    return SqlMutant(name, breaks, (Rewrite("coinslot.is_abandoned", old, new),), (RETENTION,))


MUTANTS = (
    _forgets(
        "purge-what-still-moves",
        "an order that is open, paid or for review is not deleted",
        "payment.status in ('failed', 'canceled', 'expired', 'voided')",
        "true",
    ),
    _forgets(
        "purge-money-that-went-back",
        "an order whose attempts ever had money is not deleted",
        _MONEY_OF_AN_ATTEMPT,
        "false",
    ),
    _forgets(
        "purge-before-the-last-read",
        "an order that is still to be read at its gateway is not deleted",
        "select from coinslot.payment_reads r where r.payment_id = payment.id",
        "select where false",
    ),
    _forgets(
        "purge-what-a-person-decides",
        "an order that was ever listed for a person is not deleted",
        "select from coinslot.discrepancies d where d.order_id = payment.order_id",
        "select where false",
    ),
    _forgets(
        "purge-beside-a-webhook",
        "an order with a webhook to follow is not deleted",
        "w.order_id = payment.order_id and w.next_attempt_at is not null",
        "false",
    ),
    _forgets(
        "events-deleted-young",
        "the events of an order stay for a month at least, whoever deletes",
        "payment.updated_at < clock_timestamp() - interval '30 days'",
        "true",
    ),
    SqlMutant(
        "events-deleted-at-will",
        "the events of an order that saw money are deleted by nobody",
        (Rewrite("coinslot.guard_event", "and coinslot.is_abandoned(p)", ""),),
        (RETENTION,),
    ),
    SqlMutant(
        "orders-purged-too-soon",
        "an order that came to nothing is kept for the time that is set",
        (
            Rewrite(
                "coinslot.purge_orders",
                "p.created_at < v_before and p.updated_at < v_before",
                "v_before is not null",
            ),
        ),
        (RETENTION,),
    ),
    SqlMutant(
        "webhook-purged-while-needed",
        "a webhook stays while a person has to decide about its order",
        (Rewrite("coinslot.purge_webhooks", "d.order_id = w.order_id", "false"),),
        (RETENTION,),
    ),
    SqlMutant(
        "differences-purged",
        "the lines of an audit that a person may ask for stay",
        (
            Rewrite(
                "coinslot.purge_audit_lines",
                "('matched', 'later', 'foreign', 'other_mode')",
                "('matched', 'later', 'foreign', 'other_mode', 'unknown', 'different')",
            ),
        ),
        (RETENTION,),
    ),
    SqlMutant(
        "last-check-purged",
        "the latest check of the ledger stays",
        (
            Rewrite(
                "coinslot.purge_ledger_checks",
                "c.id < (select max(f.id) from coinslot.ledger_checks f"
                " where f.finished_at is not null)",
                "true",
            ),
        ),
        (RETENTION,),
    ),
    SqlMutant(
        "holder-purged-while-awaited",
        "the holder of an account is shown for as long as somebody has to pay in",
        (Rewrite("coinslot.purge_account_holders", "'awaiting_deposit', ", ""),),
        (RETENTION,),
    ),
    SqlMutant(
        "no-shortest-time",
        "nothing is set to go within a month",
        (Run("alter table coinslot.settings drop constraint settings_kept_long_enough"),),
        (RETENTION,),
    ),
    SqlMutant(
        "events-of-others-stored",
        "a signed event of another app leaves nothing in the inbox",
        (
            Rewrite(
                "coinslot.store_webhook",
                "or coalesce(v_webhook.order_id, '') !~ coinslot.order_id_form()",
                "",
            ),
        ),
        (FRAUD,),
    ),
    SqlMutant(
        "warning-of-nobody",
        "a warning that nobody signed is none",
        (
            Rewrite(
                "coinslot.store_webhook",
                "warning <> '' and v_webhook.event_id is not null",
                "warning <> ''",
            ),
        ),
        (FRAUD,),
    ),
    SqlMutant(
        "warning-ends-too-soon",
        "a warning of fraud stays while money of the payment is here",
        (Rewrite("coinslot.save_attempt", ", 'fraud_warning'", ""),),
        (FRAUD,),
    ),
    SqlMutant(
        "habit-listed-again",
        "a user has one open line of a kind",
        (Rewrite("coinslot.note_habit", "if not found then", "if true then"),),
        (FRAUD,),
    ),
    SqlMutant(
        "declines-before-a-payment",
        "declines before a payment do not count",
        (
            Rewrite(
                "coinslot.declines_in_a_row",
                "(select max(c.confirmed_at) from orders c)",
                "null::timestamptz",
            ),
        ),
        (FRAUD,),
    ),
    SqlMutant(
        "refunds-not-in-a-row",
        "a purchase that was kept ends a row of refunds",
        (
            Rewrite(
                "coinslot.refunds_in_a_row",
                "where o.in_a_row",
                "where o.in_a_row or true",
            ),
        ),
        (FRAUD,),
    ),
    SqlMutant(
        "seen-counts-again",
        "what a person has resolved does not count again",
        (
            Rewrite(
                "coinslot.looked_at",
                "coalesce(max(d.resolved_at), '-infinity')",
                "'-infinity'::timestamptz",
            ),
        ),
        (FRAUD,),
    ),
)
