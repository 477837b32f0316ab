"""Rules of volume discounts and of promotion codes, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

TIERS = "sql_tests/36_tiers.test.sql"
CODES = "sql_tests/37_codes.test.sql"
GROWTH = "tests/database/test_growth_threats.py"
CROWD = "tests/database/test_parallel_codes.py"


def _mutant(name: str, breaks: str, function: str, old: str, new: str, *proof: str) -> SqlMutant:
    return SqlMutant(name, breaks, (Rewrite(f"coinslot.{function}", old, new),), proof)


_TIERS = (
    _mutant(
        "first-tier-counts",
        "the highest tier that is reached counts",
        "tiered",
        "order by i.quantity desc",
        "order by i.quantity",
        TIERS,
    ),
    _mutant(
        "tier-below-its-number",
        "a tier begins with its number of packs",
        "tiered",
        "and i.quantity <= o.packs",
        "",
        TIERS,
    ),
    _mutant(
        "discount-below-the-least",
        "no discount leads below what a gateway charges",
        "discounted",
        "c.least, floor",
        "1, floor",
        TIERS,
    ),
    _mutant(
        "discount-where-nobody-knows-the-least",
        "there is no discount in a currency whose least nobody knows",
        "discounted",
        "when c.least is null then discounted.listed",
        "when c.least is null then least(discounted.listed, discounted.amount)::bigint",
        TIERS,
    ),
    _mutant(
        "discount-raises-the-price",
        "no discount makes anything dearer",
        "discounted",
        "least(discounted.listed::numeric, greatest(",
        "greatest(0, greatest(",
        TIERS,
    ),
    _mutant(
        "one-pack-for-several",
        "an order has the tokens of all its packs",
        "order_of",
        "product.tokens * order_of.quantity",
        "product.tokens",
        TIERS,
    ),
    _mutant(
        "key-for-another-quantity",
        "a key finds no order of another number of packs",
        "find_order_replay",
        "v_payment.product_id, v_payment.gateway, v_payment.currency, v_payment.quantity",
        "v_payment.product_id, v_payment.gateway, v_payment.currency, find_order_replay.quantity",
        TIERS,
    ),
    _mutant(
        "late-money-for-a-tier-that-is-gone",
        "late money buys only what is still sold for it",
        "is_asked",
        "and coinslot.tiered(r.product_id, r.currency, n.amount, payment.quantity)"
        " = payment.amount",
        "",
        TIERS,
    ),
    _mutant(
        "several-single-things",
        "several of a single thing are several orders",
        "check_quantity",
        "when product.tokens = 0 then 1",
        "when product.tokens < 0 then 1",
        TIERS,
    ),
    _mutant(
        "anybody-sets-tiers",
        "only an owner sets tiers",
        "set_token_tiers",
        "perform coinslot.require_owner(set_token_tiers.reason);",
        "",
        TIERS,
    ),
)

_CODES = (
    _mutant(
        "code-in-its-case",
        "a code is the same in any case",
        "normal_code",
        "upper(regexp_replace",
        "(regexp_replace",
        CODES,
    ),
    _mutant(
        "more-uses-than-a-code-has",
        "a code is claimed as often as it has uses",
        "claim_slot",
        "and f.until <= clock_timestamp()",
        "",
        CODES,
    ),
    _mutant(
        "claims-in-a-row",
        "nobody waits for who is just claiming a use",
        "claim_slot",
        "for update skip locked",
        "for update",
        f"{CROWD}::test_nobody_waits_for_who_has_claimed_a_use_and_not_committed",
    ),
    _mutant(
        "code-for-every-account",
        "an identity uses a promotion as often as a user",
        "count_uses",
        "and i.identity_hash = any (count_uses.hashes)",
        "and false",
        CODES,
    ),
    _mutant(
        "accounts-at-once",
        "accounts with one identity use a promotion one after the other",
        "lock_identities",
        "perform pg_advisory_xact_lock(hashtextextended('coinslot.identity ' || h, 0))",
        "perform h",
        f"{CROWD}::test_accounts_with_one_identity_redeem_once",
    ),
    _mutant(
        "code-again-after-a-merge",
        "a user uses a promotion once, with all that was merged",
        "count_uses",
        "o.user_id = any (coinslot.histories_of(count_uses.user_id))",
        "o.user_id = count_uses.user_id",
        CODES,
    ),
    _mutant(
        "open-orders-do-not-count",
        "an order that may yet be paid counts as a use of its buyer",
        "count_uses",
        "or u.status = 'reserved' and p.status",
        "or u.status = 'released' and p.status",
        CODES,
    ),
    _mutant(
        "code-for-nobody-yet",
        "who has confirmed nothing uses no code",
        "code_problem",
        "when code_problem.hashes = '{}' then 'identity_required'",
        "",
        CODES,
    ),
    _mutant(
        "guessing-without-end",
        "who guesses codes is slowed down",
        "use_ration",
        "if v_until > clock_timestamp() then",
        "if false then",
        CODES,
    ),
    _mutant(
        "orders-tell-who-guesses",
        "an order takes only a code that was checked",
        "checked_code",
        "k.user_id = checked_code.user_id and",
        "",
        CODES,
    ),
    _mutant(
        "code-of-another-product",
        "a code is for its products",
        "code_problem",
        "when code_problem.product_id <> all (v_terms.products)",
        "when false",
        CODES,
    ),
    _mutant(
        "code-on-the-list-price",
        "a code comes off the price of the tier",
        "price_with_code",
        "when 'percent' then price_with_code.amount::numeric",
        "when 'percent' then price_with_code.list_amount::numeric",
        CODES,
    ),
    _mutant(
        "unpaid-orders-use-codes-up",
        "an order reserves its use for a short time",
        "reserve_use",
        "select s.code_reservation from",
        "select interval '100 years' from",
        CODES,
    ),
    _mutant(
        "paid-order-reserves",
        "a paid order has used its code",
        "follow_money",
        "perform coinslot.use_code(payment);",
        "null;",
        CODES,
    ),
    _mutant(
        "overrun-not-recorded",
        "a use beyond the last is recorded",
        "use_code",
        "if not v_taken then",
        "if false then",
        CODES,
    ),
    _mutant(
        "canceled-order-keeps-its-use",
        "an order that is called off gives its use back",
        "cancel_order",
        "perform coinslot.release_use(v_payment.id);",
        "",
        CODES,
    ),
    _mutant(
        "two-first-purchases",
        "of first purchases one is under way",
        "has_bought",
        "and u.status = 'reserved'",
        "and u.status = 'used'",
        CODES,
    ),
    _mutant(
        "first-purchases-of-several-accounts",
        "an identity has one first purchase under way",
        "has_bought",
        "where i.promotion = t.id and i.identity_hash = any (has_bought.hashes)",
        "where false",
        CODES,
    ),
    _mutant(
        "buyers-are-not-noted",
        "an identity is a buyer's once one of its accounts has paid",
        "note_buyer",
        "do update set user_id = excluded.user_id",
        "do update set user_id = i.user_id",
        GROWTH,
    ),
    _mutant(
        "buyers-without-a-bonus-are-forgotten",
        "what people confirm is kept also where there is no bonus",
        "grant_signup_bonus",
        "if v_wallet.user_id is null or",
        "if v_bonus = 0 or v_wallet.user_id is null or",
        GROWTH,
    ),
    _mutant(
        "the-deleted-share-nothing",
        "an account that is gone is known by what it had confirmed",
        "share_identity",
        "and i.user_id = any (coinslot.histories_of(share_identity.one))",
        "and false",
        GROWTH,
    ),
)

MUTANTS = (*_TIERS, *_CODES)
