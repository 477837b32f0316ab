"""Rules of lots that merges and upgrades move, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.lot_rules import BACKFILL, RULES, lot_mutant

MUTANTS = (
    lot_mutant(
        "lots-left-behind",
        "lots move with a merge",
        "merge_wallets",
        "merge_wallets.from_user, merge_wallets.into_user, v_wallet.tokens, v_wallet.folded_at",
        "merge_wallets.into_user, merge_wallets.into_user, v_wallet.tokens, v_wallet.folded_at",
        RULES,
    ),
    lot_mutant(
        "merge-forgets-debts",
        "a debt is paid by the lots of the other wallet",
        "move_lots",
        "if v_tokens > 0 then",
        "if false then",
        RULES,
    ),
    lot_mutant(
        "merge-without-fold",
        "both wallets are folded before they are one",
        "lock_for_merge",
        "perform coinslot.fold(lock_for_merge.into_user, v_now);",
        "",
        RULES,
        BACKFILL,
    ),
    lot_mutant(
        "import-makes-no-lots",
        "imported balances have lots",
        "take_balances",
        "perform coinslot.make_imported_lots(take_balances.column_name);",
        "",
        "sql_tests/23_import.test.sql",
    ),
    lot_mutant(
        "backfill-in-one-go",
        "an old history is folded at each of its credits",
        "replay_credits",
        "v_due := v_total - greatest(v_tokens, 0);",
        "v_due := 0;",
        BACKFILL,
    ),
    lot_mutant(
        "backfill-uses-paid-tokens-first",
        "of an old history, too, free tokens are used before paid ones",
        "replay_credits",
        "coalesce(v_queue[v_next], v_paid[v_next_paid])",
        "coalesce(v_paid[v_next_paid], v_queue[v_next])",
        BACKFILL,
    ),
    lot_mutant(
        "backfill-forgets-a-debt",
        "a credit of an old history pays the debt before it",
        "replay_credits",
        "v_part := least(v_lot.tokens, greatest(-v_tokens, 0));",
        "v_part := 0;",
        BACKFILL,
    ),
    lot_mutant(
        "backfill-without-reserve",
        "a refund that is open at the upgrade reserves its own",
        "make_lots",
        "if v_refund.finished_at is null and v_refund.tokens > 0 then",
        "if false then",
        BACKFILL,
    ),
    lot_mutant(
        "backfill-loses-merged-lots",
        "the lots of a merged wallet are its owner's",
        "absorb_history",
        "set user_id = absorb_history.into_user, seq = 0",
        "set seq = 0",
        BACKFILL,
    ),
    lot_mutant(
        "backfill-never-finishes",
        "the making of lots comes to an end",
        "backfill_lots",
        "when v_walked = 0 and not v_walk.found then",
        "when false then",
        BACKFILL,
    ),
    lot_mutant(
        "backfill-ends-when-it-is-late",
        "a step that is late ends no walk",
        "backfill_lots",
        "v_walked := v_walked + 1;",
        "exit when clock_timestamp() > v_until; v_walked := v_walked + 1;",
        BACKFILL,
    ),
)
