"""Rules of lots, each broken by one mutant: folds, holds, reads, and what proves them."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

HISTORIES = "sql_tests/30_lots.test.sql"
RULES = "sql_tests/31_lot_rules.test.sql"
EXPIRY = "sql_tests/32_expiring_tokens.test.sql"
BACKFILL = "sql_tests/33_lot_backfill.test.sql"
AUDIT = "sql_tests/34_lot_audit.test.sql"


def lot_mutant(name: str, breaks: str, function: str, old: str, new: str, *proof: str) -> SqlMutant:
    return SqlMutant(name, breaks, (Rewrite(f"coinslot.{function}", old, new),), proof)


_FOLDS = (
    lot_mutant(
        "credit-without-fold",
        "what was spent before a credit is not drawn from it",
        "post_credit",
        "coinslot.fold_lots(wallet, post_credit.now)",
        "wallet",
        HISTORIES,
    ),
    lot_mutant(
        "kept-drawn-first",
        "a spend skips what is kept for holds",
        "draw_lots",
        "order by l.expires_at <= live_at, l.expires_at, l.priority",
        "order by l.expires_at, l.priority",
        HISTORIES,
    ),
    lot_mutant(
        "paid-drawn-first",
        "free tokens are used before paid ones",
        "draw_lots",
        "l.priority, l.paid, l.id",
        "l.priority, l.paid desc, l.id",
        RULES,
    ),
    lot_mutant(
        "spend-past-an-expiry",
        "a spend is fast only while nothing has ended",
        "debit",
        "and w.next_change_at > clock_timestamp()",
        "",
        RULES,
    ),
    lot_mutant(
        "slow-spend-without-fold",
        "a slow spend sees what has expired",
        "debit_slowly",
        "coinslot.fold_if_due(v_wallet, v_now)",
        "v_wallet",
        RULES,
    ),
    lot_mutant(
        "clock-goes-back",
        "what has expired stays so",
        "wallet_time",
        "greatest(clock_timestamp(), wallet.folded_at)",
        "clock_timestamp()",
        EXPIRY,
    ),
    lot_mutant(
        "next-change-too-late",
        "no lot ends before the wallet says so",
        "note_change",
        "min(o.expires_at)",
        "max(o.expires_at)",
        RULES,
    ),
    lot_mutant(
        "credit-forgets-when-it-ends",
        "a new lot that ends sooner is minded",
        "post_credit",
        "v_lot.expires_at, coinslot.next_refill",
        "coinslot.next_refill",
        RULES,
    ),
    lot_mutant(
        "credit-forgets-what-ends-next",
        "a credit keeps in mind when the lots before it end",
        "fold_lots",
        "min(l.expires_at) filter",
        "max(l.expires_at) filter",
        RULES,
    ),
    lot_mutant(
        "credit-forgets-its-fold",
        "the fold of a credit moves the time of its wallet",
        "write_entry",
        "coalesce(write_entry.folded_at, w.folded_at)",
        "w.folded_at",
        HISTORIES,
    ),
    lot_mutant(
        "expiry-with-its-own-time",
        "an expiry is dated when the lot ended",
        "expire_lots",
        "d.tokens, d.expires_at",
        "d.tokens, d.expires_at + interval '1 s'",
        EXPIRY,
    ),
)

_HOLDS = (
    lot_mutant(
        "refund-hold-needs-tokens",
        "a refund's hold keeps nothing from expiring",
        "need_for",
        "and h.refund_id is null",
        "",
        HISTORIES,
    ),
    lot_mutant(
        "late-hold-needs-tokens",
        "a hold keeps nothing that had ended before it was made",
        "need_for",
        "and h.created_at < need_for.expires_at",
        "",
        HISTORIES,
    ),
    lot_mutant(
        "nothing-kept",
        "what ends while a hold is open can be captured",
        "expire_lots",
        "if v_held then",
        "if false then",
        HISTORIES,
    ),
    lot_mutant(
        "each-lot-kept-for-all",
        "holds share what is kept",
        "expire_lots",
        "v_ended := v_ended + v_lot.remaining",
        "v_ended := v_gone + v_lot.remaining",
        RULES,
    ),
    lot_mutant(
        "capture-draws-nothing-kept",
        "a capture uses what was kept for it",
        "capture_hold",
        "perform coinslot.draw_kept(v_wallet, v_hold, v_taken, v_now);",
        "",
        HISTORIES,
    ),
    lot_mutant(
        "capture-leaves-the-rest",
        "what a capture leaves of kept tokens expires",
        "capture_hold",
        "perform coinslot.fold(v_hold.user_id, v_now);",
        "",
        RULES,
    ),
    lot_mutant(
        "release-leaves-what-was-kept",
        "what was kept expires with its hold",
        "release_hold",
        "if v_wallet.next_change_at <= clock_timestamp() then",
        "if false then",
        HISTORIES,
    ),
    lot_mutant(
        "sweep-without-fold",
        "no hold is swept without a fold",
        "fold_if_due",
        "if wallet.next_change_at <= fold_if_due.now then",
        "if wallet.next_change_at <= fold_if_due.now and wallet.next_change_at > '-infinity' then",
        RULES,
    ),
    lot_mutant(
        "deleted-user-keeps",
        "nothing is kept for a user who is gone",
        "close_wallet",
        "if v_wallet.folded_at > '-infinity' then",
        "if false then",
        RULES,
    ),
)

_READS = (
    lot_mutant(
        "reads-show-what-has-expired",
        "a balance knows what has expired",
        "available",
        "case when wallet.next_change_at > clock_timestamp() then 0",
        "case when true then 0",
        RULES,
    ),
    lot_mutant(
        "lots-of-others",
        "people list their own lots",
        "list_lots",
        "where w.user_id = v_user_id and w.closed_at is null",
        "where w.tokens > 0 order by w.user_id <> v_user_id desc limit 1",
        EXPIRY,
    ),
    lot_mutant(
        "grant-in-the-past",
        "nothing is granted that has expired",
        "check_expiry",
        "check_expiry.expires_at <= check_expiry.now",
        "false",
        EXPIRY,
    ),
    lot_mutant(
        "grant-for-ages",
        "no time is beyond the year 9999",
        "check_expiry",
        "or check_expiry.expires_at >= '10000-01-01 00:00:00+00'",
        "",
        EXPIRY,
    ),
    lot_mutant(
        "order-follows-the-product",
        "an order keeps how long its tokens last",
        "write_order",
        "quoted.idempotency_key, quoted.tokens_last_days",
        "quoted.idempotency_key, null",
        EXPIRY,
    ),
    lot_mutant(
        "sold-when-over",
        "a product whose date has passed is not sold",
        "product_on_sale",
        "and (p.tokens_end_at is null or p.tokens_end_at > clock_timestamp())",
        "",
        EXPIRY,
    ),
    lot_mutant(
        "late-money-buys-nothing",
        "what was paid for can be used",
        "order_expiry",
        "return order_expiry.now + (",
        "return payment.tokens_end_at + 0 * (",
        EXPIRY,
    ),
)

_PROOFS = tuple(
    lot_mutant(
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

MUTANTS = (*_FOLDS, *_HOLDS, *_READS, *_PROOFS)
