"""Rules of merging, of anonymous buyers and of users who come back, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, Run, SqlMutant
from tests.mutants.wallet_rules import OWN_ROWS, SIGNUP

MERGING = "sql_tests/21_merging.test.sql"
PARALLEL_MERGING = "tests/database/test_merging.py"
SNAPSHOT = "test_an_order_made_meanwhile_is_not_left_behind_by_an_older_snapshot"
MADE = "test_an_order_made_while_a_merge_waits_is_locked_before_the_wallets"
OPPOSITE = "test_two_merges_in_opposite_directions_leave_one_wallet"
FOLLOWED = "test_a_hold_that_moved_is_locked_after_the_wallet_it_moved_to"

MUTANTS = (
    SqlMutant(
        "merge-mints",
        "what one wallet gets the other gives",
        (
            Rewrite(
                "coinslot.move_tokens",
                "'merge_out', -move_tokens.tokens, 'system'",
                "'merge_out', case when move_tokens.tokens > 5 then -5"
                " else -move_tokens.tokens end, 'system'",
            ),
            Run("alter table public.token_wallets drop constraint token_wallets_merged_empty"),
        ),
        (MERGING,),
    ),
    SqlMutant(
        "merge-during-a-refund",
        "nothing is merged while money is asked back",
        (Rewrite("coinslot.refuse_open_refund", "if found then", "if false then"),),
        (MERGING,),
    ),
    SqlMutant(
        "refund-of-the-other-overlooked",
        "a refund of either is in the way",
        (
            Rewrite(
                "coinslot.lock_for_merge",
                "array[lock_for_merge.from_user, lock_for_merge.into_user]",
                "array[lock_for_merge.from_user]",
            ),
        ),
        (MERGING,),
    ),
    SqlMutant(
        "merged-wallet-stays-open",
        "a wallet that was merged is closed",
        (
            Run("alter table public.token_wallets drop constraint token_wallets_merged_empty"),
            Rewrite(
                "coinslot.record_merge",
                "closed_at = clock_timestamp(), merged_into = merge.into_user, updated_at",
                "updated_at",
            ),
        ),
        (MERGING,),
    ),
    SqlMutant(
        "orders-left-behind",
        "orders move, and late money finds its owner",
        (
            Rewrite(
                "coinslot.move_orders",
                "where p.user_id = move_orders.from_user",
                "where p.user_id = move_orders.from_user and p.paid > 0",
            ),
        ),
        (MERGING,),
    ),
    SqlMutant(
        "holds-not-set-aside",
        "what holds set aside stays set aside",
        (
            Rewrite(
                "coinslot.move_holds",
                "then v_moved.tokens else -v_moved.tokens end",
                "then 0 else -v_moved.tokens end",
            ),
        ),
        (MERGING,),
    ),
    SqlMutant(
        "hold-takes-a-used-key",
        "a hold that moved can be captured whatever its key",
        (
            Rewrite(
                "coinslot.move_holds",
                "where l.user_id = move_holds.into_user and l.caller = 'service'",
                "where false and l.caller = 'service'",
            ),
        ),
        (MERGING,),
    ),
    SqlMutant(
        "keys-of-the-other-forgotten",
        "a key spends once, also after its wallet was merged",
        (Rewrite("coinslot.debit", "and not w.has_merged", ""),),
        (MERGING,),
    ),
    SqlMutant(
        "keys-of-those-before-forgotten",
        "keys go along from merge to merge",
        (
            Rewrite(
                "coinslot.record_merge",
                "where m.owner_user = merge.from_user;",
                "where false;",
            ),
        ),
        (MERGING,),
    ),
    SqlMutant(
        "merge-key-for-any-pair",
        "one key is one merge",
        (
            Rewrite(
                "coinslot.find_merge_replay",
                "perform coinslot.fail('idempotency_key_reused');",
                "null;",
            ),
        ),
        (MERGING,),
    ),
    SqlMutant(
        "merge-overflows",
        "a merge makes no balance larger than can be",
        (
            Rewrite(
                "coinslot.check_merged_sums",
                "> coinslot.max_amount()\n    or",
                "> coinslot.max_amount() * 4\n    or",
            ),
        ),
        (MERGING,),
    ),
    SqlMutant(
        "hold-does-not-follow",
        "whoever waited for a wallet finds the hold where it went",
        (
            Rewrite(
                "coinslot.lock_wallet_of_hold",
                "exit when v_owner = v_locked;",
                "exit when v_locked is not null;",
            ),
        ),
        (f"{PARALLEL_MERGING}::{FOLLOWED}",),
    ),
    SqlMutant(
        "orders-made-meanwhile-not-locked",
        "an order made while a merge waits is locked before the wallets",
        (
            Rewrite(
                "coinslot.create_order",
                "perform pg_advisory_xact_lock_shared(coinslot.account_lock(v_user_id));",
                "",
            ),
        ),
        (f"{PARALLEL_MERGING}::{MADE}",),
    ),
    SqlMutant(
        "wallets-locked-as-they-come",
        "two wallets are locked in one order",
        (
            Rewrite(
                "coinslot.lock_for_merge",
                "least(lock_for_merge.from_user, lock_for_merge.into_user)",
                "lock_for_merge.from_user",
            ),
            Rewrite(
                "coinslot.lock_for_merge",
                "greatest(lock_for_merge.from_user, lock_for_merge.into_user)",
                "lock_for_merge.into_user",
            ),
            Rewrite(
                "coinslot.merge_wallets",
                "perform coinslot.lock_accounts(merge_wallets.from_user, merge_wallets.into_user);",
                "",
            ),
        ),
        (f"{PARALLEL_MERGING}::{OPPOSITE}",),
    ),
    SqlMutant(
        "orders-of-the-merged-not-locked",
        "orders are locked before wallets",
        (
            Rewrite(
                "coinslot.lock_for_merge",
                "order by p.id for update;",
                ";",
            ),
        ),
        (f"{PARALLEL_MERGING}::{MADE}",),
    ),
    SqlMutant(
        "entries-counted-where-they-stand",
        "the check of the ledger counts a payment's entries where the payment is",
        (
            Rewrite(
                "coinslot.moved_tokens",
                "and (l.payment_id is null or"
                " l.user_id not in (select m.from_user from coinslot.merged_wallets m))",
                "",
            ),
        ),
        (MERGING,),
    ),
    SqlMutant(
        "events-left-behind",
        "the new owner of an order sees what happened to it before",
        (
            Rewrite(
                "coinslot.own_histories", "coinslot.histories_of(auth.uid())", "array[auth.uid()]"
            ),
        ),
        (MERGING,),
    ),
    SqlMutant(
        "events-of-everybody",
        "people see what happened to their own orders",
        (
            Run(
                'alter policy "People read the events of their own payments"'
                " on public.token_payment_events using (true)"
            ),
        ),
        (OWN_ROWS,),
    ),
    SqlMutant(
        "anonymous-always-buys",
        "where anonymous users may not buy they do not",
        (Rewrite("coinslot.check_buyer", "and u.is_anonymous", "and false"),),
        (MERGING,),
    ),
    SqlMutant(
        "back-and-locked-out",
        "whoever comes back finds their wallet open",
        (Rewrite("coinslot.follow_user", "elsif v_made = 0 then", "elsif false then"),),
        (MERGING, SIGNUP),
    ),
    SqlMutant(
        "merged-wallet-opens-again",
        "a wallet that was merged never opens again",
        (
            Run("alter table public.token_wallets drop constraint token_wallets_merged_empty"),
            Rewrite("coinslot.reopen_wallet", "and w.merged_into is null", ""),
        ),
        (MERGING,),
    ),
    SqlMutant(
        "merge-by-an-older-snapshot",
        "a merge sees every order that was made until it began",
        (Rewrite("coinslot.check_merge", "<> 'read committed'", "is null"),),
        (f"{PARALLEL_MERGING}::{SNAPSHOT}",),
    ),
    SqlMutant(
        "closed-wallets-show-tokens",
        "a closed wallet has nothing to spend",
        (Rewrite("public.get_user_tokens", "and w.closed_at is null", ""),),
        (MERGING,),
    ),
)
