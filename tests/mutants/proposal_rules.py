"""Rules of higher prices, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

PRICES = "sql_tests/45_prices.test.sql"
CROWD = "tests/database/test_parallel_prices.py"


def _broken(name: str, rule: str, function: str, old: str, new: str) -> SqlMutant:
    return SqlMutant(name, rule, (Rewrite(f"coinslot.{function}", old, new),), (PRICES,))


MUTANTS = (
    _broken(
        "dearer-without-a-yes",
        "nobody is charged a price that they have not agreed to",
        "next_period",
        "subscription.next_plan_id is null and v_ask.answer = 'agreed'",
        "subscription.next_plan_id is null and v_ask.amount is not null",
    ),
    _broken(
        "yes-not-heard",
        "who has agreed pays the price from the next period on",
        "next_period",
        "v_next.amount := v_ask.amount;",
        "null;",
    ),
    _broken(
        "goes-on-without-a-yes",
        "who does not agree has no further period, where the shop says so",
        "advance_subscription",
        "coinslot.ends_by_price(subscription) and not",
        "false and not",
    ),
    _broken(
        "ends-all-the-same",
        "who does not agree keeps the price, where the shop says so",
        "ends_by_price",
        "coalesce(a.ends and a.answer",
        "coalesce(a.ends is not null and a.answer",
    ),
    _broken(
        "yes-to-another-amount",
        "a yes is to the price that was asked for",
        "answer_proposal",
        "answer_proposal.amount is distinct from v_ask.amount",
        "false",
    ),
    _broken(
        "yes-not-kept",
        "a yes is kept as a consent, with the day that it is for",
        "answer_proposal",
        "v_terms.period_start := subscription.period_end;",
        "",
    ),
    _broken(
        "asked-too-early",
        "nobody is asked sooner than 30 days before",
        "ask_for_prices",
        "interval '30 days'",
        "interval '90 days'",
    ),
    _broken(
        "asked-too-late",
        "nobody is asked later than the notice",
        "ask_for_prices",
        "(select s.price_notice from coinslot.settings s where s.id)",
        "interval '0'",
    ),
    _broken(
        "asked-before-its-day",
        "a price is for periods from its day on",
        "ask_for_prices",
        "s.period_end >= o.from_at",
        "true",
    ),
    SqlMutant(
        "asked-again-and-again",
        "who was asked for a price stands in nobody's way",
        (
            Rewrite(
                "coinslot.ask_for_prices",
                "where a.subscription_id = s.id and a.proposal_id = o.id",
                "where false",
            ),
        ),
        (CROWD,),
    ),
    _broken(
        "withdrawn-and-asked",
        "a price that was withdrawn asks nobody",
        "price_ask",
        "o.withdrawn_at is null or",
        "true or",
    ),
    _broken(
        "asked-for-a-plan-that-changed",
        "who changes the plan is not ended by the price of the one before",
        "ends_by_price",
        "and subscription.next_plan_id is null",
        "",
    ),
    _broken(
        "renewal-told-without-a-yes",
        "who has not agreed is told of no renewal",
        "remind_of_renewals",
        "and not coinslot.ends_by_price(s)",
        "",
    ),
    _broken(
        "renewal-told-at-the-old-price",
        "a renewal is told with the price that was agreed to",
        "renewal_data",
        "where a.answer = 'agreed'",
        "where false",
    ),
    _broken(
        "not-asked-after-a-pause",
        "who comes back from a pause is asked for the period that comes then",
        "resume_subscription",
        "a.starts_at >= v_before.period_end",
        "false",
    ),
    _broken(
        "unagreed-not-found",
        "the books find a period at a price that nobody agreed to",
        "verify_subscriptions",
        "(k.terms ->> 'amount')::bigint = c.amount",
        "true",
    ),
    SqlMutant(
        "proposed-at-once",
        "of two operators who propose a price at once none is refused",
        (Rewrite("coinslot.propose_price", "for no key update of r", ""),),
        (CROWD,),
    ),
    SqlMutant(
        "told-by-every-server",
        "a price is told once, however many servers ask for it",
        (
            Rewrite(
                "coinslot.ask_for_prices",
                "-- Another server was here before, and has asked.\n    continue when not found;",
                "",
            ),
        ),
        (CROWD,),
    ),
)
