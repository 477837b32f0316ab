"""Rules of planned prices, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

PRICES = "sql_tests/44_planned_prices.test.sql"
NOW = "coinslot.price_now(r.product_id, r.currency, r.amount)"


def _mutant(name: str, breaks: str, function: str, change: tuple[str, str]) -> SqlMutant:
    return SqlMutant(name, breaks, (Rewrite(f"coinslot.{function}", *change),), (PRICES,))


MUTANTS = (
    _mutant(
        "price-a-moment-late",
        "a planned price is asked from its own microsecond on",
        "price_at",
        ("p.starts_at <= price_at.at", "p.starts_at < price_at.at"),
    ),
    _mutant(
        "earliest-price-counts",
        "of planned prices that have begun the latest counts",
        "price_at",
        ("order by p.starts_at desc", "order by p.starts_at"),
    ),
    _mutant(
        "orders-at-the-price-of-before",
        "an order has the price of when it is called for",
        "quote_order",
        (NOW, "lateral (values (r.amount))"),
    ),
    _mutant(
        "late-money-at-the-price-of-before",
        "a price that is over buys nothing for late money",
        "is_asked",
        (NOW, "lateral (values (r.amount))"),
    ),
    SqlMutant(
        "topped-up-at-the-price-of-before",
        "nobody is topped up at a price that is over",
        (Rewrite("coinslot.top_up_bar", NOW, "r.amount"),),
        ("sql_tests/40_top_ups.test.sql",),
    ),
    _mutant(
        "catalogue-of-before",
        "operators see the price that is asked now",
        "list_products",
        (NOW, "r.amount"),
    ),
    _mutant(
        "planned-price-overrides",
        "a price that is set after a planned one had begun counts",
        "set_product",
        ("perform coinslot.begin_prices_of(set_product.id);", ""),
    ),
    _mutant(
        "price-begins-early",
        "a planned price is written down when it has begun, and not before",
        "begin_prices_of",
        ("and p.starts_at <= statement_timestamp()", ""),
    ),
    _mutant(
        "latest-begun-is-written",
        "of planned prices that have begun the latest is written down",
        "begin_prices_of",
        ("b.starts_at desc", "b.starts_at"),
    ),
    _mutant(
        "begun-price-by-its-writer",
        "the log says that nobody acted when a planned price began",
        "begin_prices_of",
        ("select 'coinslot', null, 'price_begun'", "select current_user, null, 'price_begun'"),
    ),
    _mutant(
        "begun-price-from-the-first",
        "of prices that began at once each is noted with the one before it",
        "begin_prices_of",
        ("lag(b.amount) over (partition by b.currency order by b.starts_at)", "null::bigint"),
    ),
    _mutant(
        "begun-price-taken-back",
        "what has begun is not taken back",
        "unplan_price",
        ("and p.starts_at > clock_timestamp()", ""),
    ),
    _mutant(
        "price-of-the-past",
        "a price is planned for a time to come",
        "plan_price",
        ("plan_price.starts_at > clock_timestamp()", "true"),
    ),
    _mutant(
        "price-planned-over",
        "who plans a price has seen what it is until then",
        "plan_price",
        ("plan_price.expected <> v_from", "false"),
    ),
    _mutant(
        "plan-repriced-by-a-date",
        "a subscription costs what was agreed to",
        "act_on_price",
        ("perform coinslot.refuse_plan(act_on_price.product_id);", ""),
    ),
    _mutant(
        "planned-price-unnoted",
        "who planned a price is noted",
        "plan_price",
        ("perform coinslot.note_action(", "perform jsonb_build_array("),
    ),
)
