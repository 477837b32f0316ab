"""Rules of lots, each broken by one mutant: folds, holds, money, debts, merges, upgrades."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

HISTORIES = "sql_tests/30_lots.test.sql"
RULES = "sql_tests/31_lot_rules.test.sql"
EXPIRY = "sql_tests/32_expiring_tokens.test.sql"
BACKFILL = "sql_tests/33_lot_backfill.test.sql"
AUDIT = "sql_tests/34_lot_audit.test.sql"


def _mutant(name: str, breaks: str, function: str, old: str, new: str, *proof: str) -> SqlMutant:
    return SqlMutant(name, breaks, (Rewrite(f"coinslot.{function}", old, new),), proof)


_FOLDS = (
    _mutant(
        "credit-without-fold",
        "what was spent before a credit is not drawn from it",
        "post_credit",
        "coinslot.fold(entry.user_id, post_credit.now)",
        "coinslot.lock_wallet(entry.user_id)",
        HISTORIES,
    ),
    _mutant(
        "kept-drawn-first",
        "a spend skips what is kept for holds",
        "draw_lots",
        "order by l.expires_at <= live_at, l.expires_at, l.priority",
        "order by l.expires_at, l.priority",
        HISTORIES,
    ),
    _mutant(
        "paid-drawn-first",
        "free tokens are used before paid ones",
        "draw_lots",
        "l.priority, l.paid, l.id",
        "l.priority, l.paid desc, l.id",
        RULES,
    ),
    _mutant(
        "spend-past-an-expiry",
        "a spend is fast only while nothing has ended",
        "debit",
        "and w.next_change_at > clock_timestamp()",
        "",
        RULES,
    ),
    _mutant(
        "slow-spend-without-fold",
        "a slow spend sees what has expired",
        "debit_slowly",
        "coinslot.fold_if_due(v_wallet, coinslot.wallet_time(v_wallet))",
        "v_wallet",
        RULES,
    ),
    _mutant(
        "clock-goes-back",
        "what has expired stays so",
        "wallet_time",
        "greatest(clock_timestamp(), wallet.folded_at)",
        "clock_timestamp()",
        EXPIRY,
    ),
    _mutant(
        "next-change-too-late",
        "no lot ends before the wallet says so",
        "note_change",
        "else min(l.expires_at)",
        "else max(l.expires_at)",
        RULES,
    ),
    _mutant(
        "credit-forgets-when-it-ends",
        "a new lot that ends sooner is minded",
        "post_credit",
        "w.next_change_at > v_lot.expires_at",
        "false",
        RULES,
    ),
    _mutant(
        "expiry-with-its-own-time",
        "an expiry is dated when the lot ended",
        "expire_lots",
        "d.tokens, d.expires_at",
        "d.tokens, d.expires_at + interval '1 s'",
        EXPIRY,
    ),
)

_HOLDS = (
    _mutant(
        "refund-hold-needs-tokens",
        "a refund's hold keeps nothing from expiring",
        "need_for",
        "and h.refund_id is null",
        "",
        HISTORIES,
    ),
    _mutant(
        "late-hold-needs-tokens",
        "a hold keeps nothing that had ended before it was made",
        "need_for",
        "and h.created_at < need_for.expires_at",
        "",
        HISTORIES,
    ),
    _mutant(
        "nothing-kept",
        "what ends while a hold is open can be captured",
        "expire_lots",
        "if v_held then",
        "if false then",
        HISTORIES,
    ),
    _mutant(
        "each-lot-kept-for-all",
        "holds share what is kept",
        "expire_lots",
        "v_ended := v_ended + v_lot.remaining",
        "v_ended := v_gone + v_lot.remaining",
        RULES,
    ),
    _mutant(
        "capture-draws-nothing-kept",
        "a capture uses what was kept for it",
        "capture_hold",
        "perform coinslot.draw_kept(v_wallet, v_hold, v_taken, v_now);",
        "",
        HISTORIES,
    ),
    _mutant(
        "capture-leaves-the-rest",
        "what a capture leaves of kept tokens expires",
        "capture_hold",
        "perform coinslot.fold(v_hold.user_id, v_now);",
        "",
        RULES,
    ),
    _mutant(
        "release-leaves-what-was-kept",
        "what was kept expires with its hold",
        "release_hold",
        "if v_wallet.next_change_at <= clock_timestamp() then",
        "if false then",
        HISTORIES,
    ),
    _mutant(
        "sweep-without-fold",
        "no hold is swept without a fold",
        "fold_if_due",
        "if wallet.next_change_at <= fold_if_due.now then",
        "if wallet.next_change_at <= fold_if_due.now and wallet.next_change_at > '-infinity' then",
        RULES,
    ),
    _mutant(
        "deleted-user-keeps",
        "nothing is kept for a user who is gone",
        "close_wallet",
        "if v_wallet.folded_at > '-infinity' then",
        "if false then",
        RULES,
    ),
)

_MONEY = (
    _mutant(
        "refund-of-others-tokens",
        "without force a refund takes its own order's tokens only",
        "check_unspent",
        "where l.payment_id = refund.payment_id",
        "where l.user_id = refund.user_id",
        HISTORIES,
    ),
    _mutant(
        "refund-reserves-nothing",
        "what goes back is set aside in its lots",
        "reserve_refund",
        "coinslot.reserve_lots(refund, refund.tokens)",
        "0",
        HISTORIES,
    ),
    _mutant(
        "expired-is-owed",
        "what has expired is no reason against a refund",
        "check_unspent",
        "v_own.remaining + v_own.gone",
        "v_own.remaining",
        RULES,
    ),
    _mutant(
        "expired-is-taken-from-others",
        "nothing is taken in the place of what has expired",
        "cover_expired",
        "f.before < cover_expired.tokens",
        "false",
        HISTORIES,
    ),
    _mutant(
        "covered-twice",
        "expired tokens are counted as gone once",
        "cover_expired",
        "set covered = l.covered + d.tokens",
        "set covered = l.covered",
        RULES,
        AUDIT,
    ),
    _mutant(
        "covered-before-the-money-went",
        "what a refund covers counts when its money has gone",
        "covered_tokens",
        "covered_tokens.refund_done or not exists",
        "true or not exists",
        RULES,
    ),
    _mutant(
        "cover-stays-after-failure",
        "a refund that fails covers nothing",
        "free_lots",
        "if refund.status = 'failed' then",
        "if false then",
        RULES,
    ),
    _mutant(
        "clawback-of-what-is-reserved",
        "nobody takes what a refund has reserved",
        "settle_tokens",
        "'refund' end, v_done",
        "'refund' end, true",
        RULES,
    ),
    _mutant(
        "done-refund-takes-others",
        "a refund that is done takes what it reserved",
        "settle_tokens",
        "'refund' end, v_done",
        "'refund' end, false",
        RULES,
    ),
    _mutant(
        "oldest-taking-first",
        "the latest taking is given back first",
        "undo_takings",
        "order by t.id desc",
        "order by t.id",
        RULES,
    ),
    _mutant(
        "reversal-to-a-new-lot",
        "what was taken goes back to where it came from",
        "undo_takings",
        "elsif v_taking.origin = 'debt' then",
        "elsif true then",
        HISTORIES,
    ),
    _mutant(
        "debt-undone-and-kept",
        "a debt that is undone is owed no more",
        "undo_debt",
        "least(undo_debt.tokens, undo_debt.debt)",
        "0::bigint",
        RULES,
    ),
    _mutant(
        "ended-lot-revived",
        "what comes back to a lot that has ended lives for a while",
        "put_back",
        "if v_lot.expires_at > put_back.now then",
        "if true then",
        RULES,
    ),
    _mutant(
        "returned-for-ever",
        "returned tokens live as long as the setting says",
        "renew_lot",
        "case when isfinite(renew_lot.now) then",
        "case when false then",
        RULES,
    ),
    _mutant(
        "returned-without-lifetime-lives",
        "with no lifetime what comes back expires at once",
        "end_change",
        "if v_wallet.next_change_at = '-infinity' then",
        "if false then",
        EXPIRY,
    ),
    _mutant(
        "test-tokens-expired-taken-again",
        "going live takes back no tokens that have expired",
        "test_credits",
        "sum(l.delta) <> coinslot.covered_tokens(p.id)",
        "sum(l.delta) <> 0",
        AUDIT,
    ),
)

_DEBTS = (
    _mutant(
        "credit-ignores-debt",
        "a lot first pays what is owed",
        "make_lot",
        "least(lot.tokens, make_lot.debt)",
        "0::bigint",
        RULES,
    ),
    _mutant(
        "debt-without-what-is-reserved",
        "what is reserved pays no debt",
        "debt_of",
        "if wallet.held > 0 then",
        "if false then",
        RULES,
    ),
    _mutant(
        "spend-back-to-the-first",
        "a spend is given back to the last that would be drawn",
        "refill_lots",
        "order by l.expires_at desc, l.priority desc, l.paid desc, l.id desc)\n      - l.spent",
        "order by l.expires_at, l.priority, l.paid, l.id)\n      - l.spent",
        HISTORIES,
        RULES,
    ),
    _mutant(
        "spend-back-to-later-lots",
        "a spend is given back to lots that were there",
        "made_before",
        "then spend.seq else 1 end",
        "then spend.seq + 99 else 1 end",
        RULES,
    ),
    _mutant(
        "debt-given-back-expires",
        "what no expiry explains is given back for good",
        "undo_spend",
        "least(v_left, coalesce(sum(l.spent), 0))::bigint",
        "v_left",
        EXPIRY,
    ),
)

_ACCOUNTS = (
    _mutant(
        "lots-left-behind",
        "lots move with a merge",
        "merge_wallets",
        "merge_wallets.from_user, merge_wallets.into_user, v_wallet.tokens, v_wallet.folded_at",
        "merge_wallets.into_user, merge_wallets.into_user, v_wallet.tokens, v_wallet.folded_at",
        RULES,
    ),
    _mutant(
        "merge-forgets-debts",
        "a debt is paid by the lots of the other wallet",
        "move_lots",
        "if v_tokens > 0 then",
        "if false then",
        RULES,
    ),
    _mutant(
        "merge-without-fold",
        "both wallets are folded before they are one",
        "lock_for_merge",
        "perform coinslot.fold(lock_for_merge.into_user, v_now);",
        "",
        RULES,
        BACKFILL,
    ),
    _mutant(
        "import-makes-no-lots",
        "imported balances have lots",
        "take_balances",
        "perform coinslot.make_imported_lots(take_balances.column_name);",
        "",
        "sql_tests/23_import.test.sql",
    ),
    _mutant(
        "backfill-in-one-go",
        "an old history is folded at each of its credits",
        "replay_entry",
        "entry.user_id, v_tokens, replay_entry.credited, entry.seq - 1",
        "entry.user_id, coinslot.max_amount(), replay_entry.credited, entry.seq - 1",
        BACKFILL,
    ),
    _mutant(
        "backfill-without-reserve",
        "a refund that is open at the upgrade reserves its own",
        "make_lots",
        "if v_refund.finished_at is null and v_refund.tokens > 0 then",
        "if false then",
        BACKFILL,
    ),
    _mutant(
        "backfill-loses-merged-lots",
        "the lots of a merged wallet are its owner's",
        "absorb_history",
        "set user_id = absorb_history.into_user, seq = 0",
        "set seq = 0",
        BACKFILL,
    ),
    _mutant(
        "backfill-never-finishes",
        "the making of lots comes to an end",
        "backfill_lots",
        "when v_walked = 0 and not v_walk.found then",
        "when false then",
        BACKFILL,
    ),
)

_READS = (
    _mutant(
        "reads-show-what-has-expired",
        "a balance knows what has expired",
        "available",
        "case when wallet.next_change_at > clock_timestamp() then 0",
        "case when true then 0",
        RULES,
    ),
    _mutant(
        "lots-of-others",
        "people list their own lots",
        "list_lots",
        "where w.user_id = v_user_id and w.closed_at is null",
        "where w.tokens > 0 order by w.user_id <> v_user_id desc limit 1",
        EXPIRY,
    ),
    _mutant(
        "grant-in-the-past",
        "nothing is granted that has expired",
        "check_expiry",
        "check_expiry.expires_at <= check_expiry.now",
        "false",
        EXPIRY,
    ),
    _mutant(
        "grant-for-ages",
        "no time is beyond the year 9999",
        "check_expiry",
        "or check_expiry.expires_at >= '10000-01-01 00:00:00+00'",
        "",
        EXPIRY,
    ),
    _mutant(
        "order-follows-the-product",
        "an order keeps how long its tokens last",
        "create_order",
        "v_order.tokens_last_days, v_order.tokens_end_at",
        "null, v_order.tokens_end_at",
        EXPIRY,
    ),
    _mutant(
        "sold-when-over",
        "a product whose date has passed is not sold",
        "quote_order",
        "and (p.tokens_end_at is null or p.tokens_end_at > clock_timestamp())",
        "",
        EXPIRY,
    ),
    _mutant(
        "late-money-buys-nothing",
        "what was paid for can be used",
        "order_expiry",
        "when payment.tokens_end_at is not null then order_expiry.now + (",
        "when payment.tokens_end_at is not null then payment.tokens_end_at + 0 * (",
        EXPIRY,
    ),
)

_PROOFS = tuple(
    _mutant(
        f"unproved-{name}",
        f"the books prove {what}",
        function,
        "return query",
        "return; return query",
        AUDIT,
    )
    for name, what, function in (
        ("lots", "that lots add up to the balance", "verify_lots"),
        ("kept", "that what is kept is needed", "verify_kept"),
        ("draws", "what became of each lot", "verify_draws"),
        ("lot-entries", "each entry by its lots", "verify_lot_entries"),
        ("places", "when each token was spent", "verify_places"),
    )
)

MUTANTS = (*_FOLDS, *_HOLDS, *_MONEY, *_DEBTS, *_ACCOUNTS, *_READS, *_PROOFS)
