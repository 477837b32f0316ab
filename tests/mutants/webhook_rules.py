"""Rules of the webhook inbox, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, Run, SqlMutant

WEBHOOKS = "sql_tests/14_webhooks.test.sql"
READS = "sql_tests/16_payment_reads.test.sql"
PRIVILEGES = "sql_tests/01_privileges.test.sql"

MUTANTS = (
    SqlMutant(
        "made-up-types-fill-the-list",
        "of the types of events that anybody may make up a few are remembered",
        (Rewrite("coinslot.note_webhook_type", ") < 30", ") < 3000"),),
        (WEBHOOKS,),
    ),
    SqlMutant(
        "claim-of-money-finished-unread",
        "what is claimed paid and not shown as paid yet is read again",
        (
            Rewrite(
                "coinslot.settle_webhook",
                "v_not_yet := ",
                "v_not_yet := false and ",
            ),
        ),
        (WEBHOOKS,),
    ),
    SqlMutant(
        "signed-event-read-again",
        "a signed event that is finished stays finished",
        (
            Rewrite(
                "coinslot.take_webhook",
                "if webhook.event_id is not null and webhook.next_attempt_at is null then",
                "if false then",
            ),
        ),
        (WEBHOOKS,),
    ),
    SqlMutant(
        "signed-event-never-read-again",
        "a signed event that is not finished may be read because it came again",
        (
            Rewrite(
                "coinslot.take_webhook",
                "if webhook.event_id is not null and webhook.next_attempt_at is null then",
                "if webhook.event_id is not null then",
            ),
        ),
        (WEBHOOKS,),
    ),
    SqlMutant(
        "hint-settles-by-being-seen",
        "an unsigned webhook settles nothing by having been seen before",
        (
            Rewrite(
                "coinslot.take_webhook",
                "if webhook.event_id is not null and webhook.next_attempt_at is null then",
                "if webhook.next_attempt_at is null then",
            ),
        ),
        (WEBHOOKS,),
    ),
    SqlMutant(
        "every-hint-is-a-read",
        "hints lead to a read of an order every few seconds at the most",
        (
            Run(
                "create or replace function coinslot.webhook_spacing(status text default 'pending')"
                " returns interval language sql immutable parallel safe set search_path = ''"
                " return interval '0'"
            ),
        ),
        (WEBHOOKS,),
    ),
    SqlMutant(
        "forged-secret-believed",
        "a webhook carries its payment's secret, where there is one",
        (
            Rewrite(
                "coinslot.store_webhook",
                "when not coinslot.knows_secret(payment.id, store_webhook.secret)",
                "when false",
            ),
        ),
        (WEBHOOKS,),
    ),
    SqlMutant(
        "refund-heard-of-first-is-forgotten",
        "a refund whose payment is seen first is looked for again",
        (Rewrite("coinslot.settle_webhook", "in ('unchanged', 'credited')", "= 'unchanged'"),),
        (READS,),
    ),
    SqlMutant(
        "late-news-is-missed",
        "a delivery that came during a read gets a read of its own",
        (
            Rewrite(
                "coinslot.next_attempt",
                "when webhook.deliveries > webhook.taken_deliveries",
                "when false",
            ),
        ),
        (WEBHOOKS,),
    ),
    SqlMutant(
        "forged-key-asked-about-for-days",
        "of an unsigned hint that names what nobody knows only the order is asked about again",
        (
            Rewrite(
                "coinslot.end_webhook",
                "when w.event_id is null and end_webhook.unknown and v_next is not null then ''",
                "when false then ''",
            ),
        ),
        (WEBHOOKS,),
    ),
    SqlMutant(
        "hints-without-a-ration",
        "the reads that unsigned hints cause are rationed by owner",
        (Rewrite("coinslot.plan_hint", "r.used_until - 5", "r.used_until - 1000"),),
        (WEBHOOKS,),
    ),
    SqlMutant(
        "hints-queue-without-end",
        "few payments of one order queue up to be read",
        (Rewrite("coinslot.queue_key", "cardinality(filed.other_keys) < 4", "true"),),
        (WEBHOOKS,),
    ),
    SqlMutant(
        "later-hint-forgotten",
        "a payment that had to queue is read after the one before it",
        (Rewrite("coinslot.end_webhook", "when w.other_keys <> '{}' then", "when false then"),),
        (WEBHOOKS,),
    ),
    SqlMutant(
        "order-that-is-over-read-as-often",
        "hints about an order that is over lead to a read a minute",
        (Rewrite("coinslot.readable_at", "(payment.status)", "()"),),
        (WEBHOOKS,),
    ),
    SqlMutant(
        "first-come-first-read",
        "users take turns, however many orders each has due",
        (
            Rewrite(
                "coinslot.claim_payments",
                "order by d.turn, d.likely desc, d.due_at\n",
                "order by d.due_at\n",
            ),
        ),
        (READS,),
    ),
    SqlMutant(
        "likely-money-read-last",
        "the orders of which money is likely are read first",
        (Rewrite("coinslot.due_reads", "order by l.likely desc, ", "order by "),),
        (READS,),
    ),
    SqlMutant(
        "call-without-a-time",
        "what a user calls is limited in time",
        (Run("alter function public.use_feature reset statement_timeout"),),
        (PRIVILEGES,),
    ),
    SqlMutant(
        "waits-for-a-lock",
        "what a user calls waits for no lock for long",
        (Run("alter function public.create_token_order reset lock_timeout"),),
        (PRIVILEGES,),
    ),
)
