"""Rules of subscriptions, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

SUBSCRIPTIONS = "sql_tests/39_subscriptions.test.sql"
TOP_UPS = "sql_tests/40_top_ups.test.sql"
ODD = "sql_tests/46_odd_charges.test.sql"


def _broken(
    name: str, rule: str, function: str, old: str, new: str, *, caught_by: str = SUBSCRIPTIONS
) -> SqlMutant:
    return SqlMutant(name, rule, (Rewrite(f"coinslot.{function}", old, new),), (caught_by,))


MUTANTS = (
    _broken(
        "period-paid-twice-and-kept",
        "a second paid order of one period is never credited",
        "pays_again",
        "p.confirmed_at is not null",
        "false",
    ),
    _broken(
        "canceled-and-charged",
        "who has canceled is charged no more",
        "advance_subscription",
        "elsif subscription.cancel_at_end then",
        "elsif false then",
    ),
    _broken(
        "unpaid-for-ever",
        "an unpaid period ends its subscription after the grace",
        "advance_subscription",
        "and subscription.grace_until <= v_now then",
        "and false then",
    ),
    _broken(
        "living-order-followed-by-another",
        "another order is made only when the last one is known to be dead",
        "cycle_order",
        "or not o.dead)",
        ")",
    ),
    _broken(
        "late-answer-heard",
        "whoever answers after somebody else has taken a charge on is not heard",
        "finish_charge",
        "and h.looks = finish_charge.lease",
        "",
    ),
    _broken(
        "ended-and-payable",
        "money that comes for a subscription that has ended is to go back",
        "end_subscription",
        "perform coinslot.void_cycle_orders(subscription.id);",
        "",
    ),
    _broken(
        "allowance-without-end",
        "what is left of a period ends with it",
        "cycle_tokens_end",
        "cycle.rollover <> 'full'",
        "false",
    ),
    _broken(
        "banned-and-charged",
        "who is banned is charged no more",
        "charge_bar",
        "u.banned_until > clock_timestamp()",
        "false",
    ),
    _broken(
        "card-of-another",
        "nobody is charged for a subscription of another",
        "own_method",
        "and k.user_id = v_user_id",
        "",
    ),
    _broken(
        "missed-periods-charged",
        "of periods that nobody charged in time only the present one is",
        "next_period",
        "coinslot.period_of(v_next.anchor, v_next.time_zone, v_next.every, v_now)",
        "0",
    ),
    _broken(
        "resumed-with-the-old-plan",
        "a plan that was chosen before a pause counts from the day it is resumed",
        "resume_subscription",
        "v_after := coinslot.with_chosen_plan(v_before);",
        "v_after := v_before;",
    ),
    _broken(
        "upgraded-again-and-again",
        "a plan is changed at once only once in a period",
        "may_upgrade",
        "and o.purpose = 'change' and p.confirmed_at is not null",
        "and false",
    ),
    _broken(
        "top-up-beyond-its-cap",
        "a top-up spends no more than its owner said",
        "top_up_fits",
        "<= top_up.monthly_cap",
        ">= 0",
        caught_by=TOP_UPS,
    ),
    _broken(
        "top-up-for-what-a-refund-sets-aside",
        "nothing is charged for what a refund has set aside",
        "left_for_top_up",
        "h.refund_id is not null",
        "false",
        caught_by=TOP_UPS,
    ),
    _broken(
        "top-up-with-enough-left",
        "a pack is bought only when fewer tokens than the threshold are left",
        "advance_top_up",
        "coinslot.left_for_top_up(v_wallet) < top_up.threshold",
        "true",
        caught_by=TOP_UPS,
    ),
    _broken(
        "top-up-without-rest",
        "between two charges of a top-up is an hour",
        "make_top_up",
        "clock_timestamp() + interval '1 hour'",
        "clock_timestamp()",
        caught_by=TOP_UPS,
    ),
    _broken(
        "top-up-at-another-price",
        "a pack is bought at the price that was agreed to, or not at all",
        "top_up_bar",
        "and coinslot.price_now(r.product_id, r.currency, r.amount) = top_up.amount",
        "",
        caught_by=TOP_UPS,
    ),
    _broken(
        "top-up-during-a-review",
        "a top-up waits for the money that a person looks at",
        "top_up_bar",
        "h.state = 'review' and p.status = 'review'",
        "false",
        caught_by=TOP_UPS,
    ),
    _broken(
        "top-up-stuck-after-a-review",
        "what a person has decided keeps no other charge from being made",
        "end_top_up_reviews",
        "and p.status <> 'review'",
        "and false",
        caught_by=TOP_UPS,
    ),
    _broken(
        "top-up-switched-on-in-vain",
        "what would be suspended at the next look is not switched on",
        "set_top_up",
        "if v_bar is not null then",
        "if false then",
        caught_by=TOP_UPS,
    ),
    _broken(
        "left-and-charged-again",
        "a charge that never arrived is not made again for somebody who has left",
        "describe_charge",
        "or s.cancel_at_end",
        "",
    ),
    _broken(
        "replaced-card-charged-again",
        "a charge that never arrived is not made again by a card that was replaced",
        "describe_charge",
        "or s.method_id is distinct from h.method_id",
        "",
        caught_by=ODD,
    ),
    _broken(
        "upgrade-that-ends-the-next-period",
        "a declined upgrade ends its own order, and no other",
        "finish_charge",
        "coinslot.void_cycle_orders(v_subscription.id, v_charge.payment_id)",
        "coinslot.void_cycle_orders(v_subscription.id)",
        caught_by=ODD,
    ),
    _broken(
        "charged-what-was-not-shown",
        "nobody is charged another price than the page showed",
        "check_shown",
        "perform coinslot.fail('changed_meanwhile'",
        "perform jsonb_build_object('changed_meanwhile'",
        caught_by=ODD,
    ),
    _broken(
        "charged-the-price-before",
        "who subscribes again at another price is not charged the one before",
        "subscribe",
        "v_subscription.amount, v_subscription.currency",
        "v_terms.amount, v_subscription.currency",
        caught_by=ODD,
    ),
    _broken(
        "top-up-for-what-is-there-by-now",
        "a charge that never arrived is not made again once there are tokens enough",
        "describe_top_up_charge",
        "or coinslot.left_for_top_up(w) >= t.threshold",
        "",
        caught_by=TOP_UPS,
    ),
    _broken(
        "switched-off-and-charged-again",
        "a charge that never arrived is not made again by a top-up that is off",
        "describe_top_up_charge",
        "or t.status <> 'on'",
        "",
        caught_by=TOP_UPS,
    ),
    _broken(
        "charged-before-its-end",
        "by a clock that went back nothing is charged for a period that has not begun",
        "advance_subscription",
        "if subscription.period_end > v_now then",
        "if false then",
        caught_by=ODD,
    ),
    _broken(
        "charged-after-the-grace",
        "after a grace that nobody saw nothing is charged",
        "advance_subscription",
        "subscription.status = 'past_due' and subscription.grace_until <= v_now",
        "false",
        caught_by=ODD,
    ),
)
