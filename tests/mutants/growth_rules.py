"""Rules of volume discounts, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

TIERS = "sql_tests/36_tiers.test.sql"


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
        "coalesce(c.least, 1)",
        "1",
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
        "and coinslot.tiered(r.product_id, r.currency, r.amount, payment.quantity)"
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

MUTANTS = (*_TIERS,)
