"""Rules of open holds, of refunds of spends and of going live, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, Run, SqlMutant

OPEN_HOLDS = "sql_tests/25_open_holds.test.sql"
SPEND_REFUNDS = "sql_tests/26_spend_refunds.test.sql"
GOING_LIVE = "sql_tests/27_going_live.test.sql"
PARALLEL_HOLDS = "tests/database/test_parallel_holds.py"
PARALLEL_GOING_LIVE = "tests/database/test_going_live.py"

MUTANTS = (
    SqlMutant(
        "extension-revives",
        "an expired hold comes to no new life",
        (Rewrite("coinslot.open_hold", "or v_hold.expires_at <= clock_timestamp()", ""),),
        (OPEN_HOLDS,),
    ),
    SqlMutant(
        "extension-without-end",
        "with all its extensions a hold lives as long as the longest",
        (
            Rewrite(
                "coinslot.extend_hold",
                "h.created_at + make_interval(secs => s.max_hold_seconds)",
                "'infinity'",
            ),
        ),
        (OPEN_HOLDS,),
    ),
    SqlMutant(
        "extension-shortens",
        "an extension makes no hold shorter",
        (Rewrite("coinslot.extend_hold", "greatest(h.expires_at, least(", "greatest(least("),),
        (OPEN_HOLDS,),
    ),
    SqlMutant(
        "overage-unasked",
        "more than was held is taken only where it was allowed",
        (Rewrite("coinslot.capture_hold", "capture_hold.allow_overage and ", ""),),
        (OPEN_HOLDS,),
    ),
    SqlMutant(
        "overage-takes-what-others-hold",
        "what other holds set aside is theirs",
        (Rewrite("coinslot.overage_of", "and h.id <> hold.id", "and h.id = hold.id"),),
        (OPEN_HOLDS,),
    ),
    SqlMutant(
        "overage-below-zero",
        "a capture beyond its hold takes what is there, unless the setting says otherwise",
        (Rewrite("coinslot.overage_of", "when s.overage_into_debt then", "when true then"),),
        (OPEN_HOLDS,),
    ),
    SqlMutant(
        "overage-counts-its-own-hold-twice",
        "what is held is taken once",
        (Rewrite("coinslot.overage_of", "w.tokens - hold.amount +", "w.tokens +"),),
        (OPEN_HOLDS,),
    ),
    SqlMutant(
        "capture-found-by-hold-alone",
        "another amount is another capture",
        (Rewrite("coinslot.find_capture", "and hold.asked = find_capture.asked", ""),),
        (OPEN_HOLDS,),
    ),
    SqlMutant(
        "everybody-sees-every-hold",
        "people see their own holds",
        (Rewrite("coinslot.list_holds", "h.user_id = v_user_id and", ""),),
        (OPEN_HOLDS,),
    ),
    SqlMutant(
        "spend-refunded-twice",
        "no more is given back than was taken",
        (
            Rewrite(
                "coinslot.check_spend_refund", "if v_left = 0 or v_amount > v_left", "if false"
            ),
            Run("alter table public.token_ledger drop constraint token_ledger_delta_not_zero"),
            Run("alter table coinslot.spend_refunds drop constraint spend_refunds_tokens_positive"),
        ),
        (SPEND_REFUNDS,),
    ),
    SqlMutant(
        "spend-refund-unlocked",
        "refunds of one spend are decided one after the other",
        (
            Rewrite(
                "coinslot.lock_owner",
                "coinslot.lock_wallet(",
                "(select w from public.token_wallets w where w.user_id = ",
            ),
        ),
        (f"{PARALLEL_HOLDS}::test_refunds_at_once_give_back_no_more_than_was_spent",),
    ),
    SqlMutant(
        "spend-refund-for-any-key",
        "the key of a refund is that of one refund",
        (
            Rewrite(
                "coinslot.find_spend_refund", "perform coinslot.fail('idempotency_key_reused');", ""
            ),
        ),
        (SPEND_REFUNDS,),
    ),
    SqlMutant(
        "spend-refund-of-a-users-key",
        "what a user spent under a key of the service's is no spend of the service's",
        (
            Rewrite(
                "coinslot.find_spend",
                "where l.user_id = find_spend.user_id and l.caller = find_spend.caller\n      and",
                "where l.user_id = find_spend.user_id and",
            ),
        ),
        (SPEND_REFUNDS,),
    ),
    SqlMutant(
        "spend-refund-where-it-was",
        "tokens go back to whoever has the history of the spend",
        (
            Rewrite(
                "coinslot.lock_owner",
                "where m.from_user = lock_owner.user_id",
                "where m.from_user = lock_owner.user_id and false",
            ),
            Rewrite("coinslot.lock_owner", "exit when v_wallet.merged_into is null;", "exit;"),
        ),
        (SPEND_REFUNDS,),
    ),
    SqlMutant(
        "refunded-spend-still-pays",
        "a spend that was given back pays for nothing",
        (
            Rewrite(
                "coinslot.find_replay",
                "v_entry.kind = 'spend' and coinslot.left_of_spend(v_entry) = 0",
                "false",
            ),
        ),
        (SPEND_REFUNDS,),
    ),
    SqlMutant(
        "grants-are-given-back",
        "only what was spent is given back",
        (
            Rewrite(
                "coinslot.find_spend",
                "l.seq = find_spend.spend_seq and l.kind = 'spend'",
                "l.seq = find_spend.spend_seq",
            ),
        ),
        (SPEND_REFUNDS,),
    ),
    SqlMutant(
        "live-with-test-tokens",
        "no database becomes live with tokens from test payments",
        (Run("drop trigger settings_mode_guarded on coinslot.settings"),),
        (GOING_LIVE,),
    ),
    SqlMutant(
        "live-takes-test-payments",
        "a test payment is nothing in a live database",
        (
            Rewrite(
                "coinslot.attempt_problem",
                "when not attempt.live and coinslot.is_live() then return 'wrong_mode';",
                "",
            ),
        ),
        (GOING_LIVE,),
    ),
    SqlMutant(
        "reversed-test-payment-returns",
        "what was taken back when the database went live stays so",
        (
            Rewrite(
                "coinslot.settle_tokens",
                "case when v_reversed then 0 else v_target end",
                "v_target",
            ),
        ),
        (GOING_LIVE,),
    ),
    SqlMutant(
        "live-by-default",
        "going live says what it would do, unless told to do it",
        (Rewrite("public.coinslot_go_live", "DEFAULT true", "DEFAULT false"),),
        (GOING_LIVE,),
    ),
    SqlMutant(
        "test-payment-slips-through",
        "no test payment is applied while the database goes live",
        (Rewrite("coinslot.apply_attempt", "if not attempt.live then", "if false then"),),
        (f"{PARALLEL_GOING_LIVE}::test_an_order_that_is_made_meanwhile_is_paid_by_no_test_card",),
    ),
    SqlMutant(
        "live-money-for-a-test-card",
        "nobody asks a gateway for the money of a test card",
        (Rewrite("coinslot.quote_refund", "payment.live or not coinslot.is_live()", "true"),),
        (GOING_LIVE,),
    ),
)
