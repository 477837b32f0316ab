"""Rules of what goes over into the next period, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

ROLLOVER = "sql_tests/44_rollover.test.sql"


def _broken(name: str, rule: str, function: str, old: str, new: str) -> SqlMutant:
    return SqlMutant(name, rule, (Rewrite(f"coinslot.{function}", old, new),), (ROLLOVER,))


MUTANTS = (
    _broken(
        "carried-without-limit",
        "no more goes over than the limit",
        "carry_over",
        "v_part := least(v_left, v_lot.remaining);",
        "v_part := v_lot.remaining;",
    ),
    _broken(
        "excess-kept",
        "what is over the limit ends within the hour",
        "carry_over",
        "expires_at = least(l.expires_at, v_now + interval '1 hour')",
        "expires_at = l.expires_at",
    ),
    _broken(
        "limit-lost-with-a-refund-undone",
        "an upgrade whose money is here again has its limit",
        "follow_money",
        "o.purpose = 'change' and c.id = o.cycle_id",
        "false",
    ),
    _broken(
        "ended-for-what-comes-back",
        "a lot of which all went over lives on for what comes back to it",
        "carry_over",
        "where l.id = v_lot.id and l.remaining > 0",
        "where l.id = v_lot.id",
    ),
    _broken(
        "carried-and-left",
        "what goes over leaves its lot",
        "carry_lot",
        "remaining = l.remaining - carry_lot.tokens, taken = l.taken + carry_lot.tokens",
        "remaining = l.remaining, taken = l.taken",
    ),
    _broken(
        "carried-by-the-next-plan",
        "the terms of the period that is over say what goes over",
        "carry_over",
        "case when c.rollover = 'cap' then c.rollover_cap end",
        "subscription.rollover_cap",
    ),
    _broken(
        "new-period-carried",
        "the tokens of the new period are not carried into it",
        "allowance_lots",
        "and c.id is distinct from allowance_lots.cycle_id",
        "",
    ),
    _broken(
        "carried-spent-last",
        "carried tokens are spent before those of the new period",
        "carry_lot",
        "lot.priority := -1;",
        "lot.priority := 1;",
    ),
    _broken(
        "lost-while-unpaid",
        "what is left waits for the money of the next period",
        "cycle_tokens_end",
        "then s.subscription_grace else",
        "then interval '0' else",
    ),
    _broken(
        "kept-after-canceling",
        "who cancels keeps nothing beyond the period",
        "end_subscription",
        "if end_subscription.reason in ('canceled', 'price_not_agreed') then",
        "if false then",
    ),
    _broken(
        "ended-before-the-fold",
        "what was spent before is drawn in the order that it was spent in",
        "end_allowance",
        "perform coinslot.fold(subscription.user_id, v_now);",
        "",
    ),
    _broken(
        "old-limit-after-an-upgrade",
        "an upgrade brings its limit",
        "follow_upgrade",
        "update coinslot.subscription_cycles c set rollover_cap = v_after.rollover_cap",
        "update coinslot.subscription_cycles c set rollover_cap = c.rollover_cap",
    ),
    _broken(
        "new-limit-after-its-refund",
        "the limit of an upgrade goes with its money",
        "follow_refund",
        "update coinslot.subscription_cycles c set rollover_cap = v_subscription.rollover_cap",
        "update coinslot.subscription_cycles c set rollover_cap = c.rollover_cap",
    ),
)
