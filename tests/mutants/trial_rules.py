"""Rules of trials, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

TRIALS = "sql_tests/43_trials.test.sql"


def _broken(name: str, rule: str, function: str, old: str, new: str) -> SqlMutant:
    return SqlMutant(name, rule, (Rewrite(f"coinslot.{function}", old, new),), (TRIALS,))


MUTANTS = (
    _broken(
        "trial-charged-unasked",
        "after a trial nothing is charged without a yes to the price",
        "advance_subscription",
        "subscription.status = 'trialing' and subscription.trial <> 'agreed'",
        "false",
    ),
    _broken(
        "yes-to-another-price",
        "a yes is to the price that was shown",
        "answer_price",
        "answer_price.amount is distinct from v_before.amount",
        "false",
    ),
    _broken(
        "agreed-by-trying",
        "to begin a trial is not to agree, unless the shop says so",
        "begin_trial",
        "begin_trial.trial = 'agreed' and v_settings.trial_needs_consent",
        "false",
    ),
    _broken(
        "tried-twice",
        "who shares an identity or a card with somebody who has had a trial has none",
        "mark_trial",
        "v_new < cardinality(v_marks)",
        "false",
    ),
    _broken(
        "tried-twice-after-a-merge",
        "a trial of an account that was merged counts for the other",
        "mark_trial",
        "s.trial is not null and s.id <> subscription.id",
        "false",
    ),
    _broken(
        "tried-with-another-card-key",
        "a card is known again by whatever key it was stored",
        "mark_trial",
        "k.id = subscription.method_id and k.card_hash is not null",
        "false",
    ),
    _broken(
        "tried-by-nobody",
        "anonymous users have no trial",
        "begin_trial",
        "and u.is_anonymous",
        "and false",
    ),
    _broken(
        "trial-tokens-without-end",
        "the tokens of a trial end with it",
        "give_trial_tokens",
        "subscription.next_charge_at + interval '1 hour'",
        "null",
    ),
    _broken(
        "trial-declined-and-lost",
        "a first charge that is declined is made again",
        "follow_decline",
        "status = case when s.status in ('trialing', 'active')",
        "status = case when s.status in ('active')",
    ),
    _broken(
        "trial-canceled-at-once",
        "a trial that is canceled runs to its end",
        "end_with_period",
        "subscription.status not in ('trialing', 'active')",
        "subscription.status <> 'active'",
    ),
    _broken(
        "trial-worth-money",
        "a trial is worth nothing before its first period is paid",
        "is_recurring",
        "and subscription.trial is distinct from 'agreed'",
        "",
    ),
    _broken(
        "short-trial-not-told",
        "a trial that is shorter than its notice is told of when it begins",
        "subscription_moves",
        "subscription.next_charge_at - subscription.created_at <= (",
        "interval '0' > (",
    ),
    _broken(
        "trial-told-twice",
        "the end of a trial is told once",
        "remind_of_renewals",
        "(s.next_charge_at, s.id::text) > (v_walk.at, v_walk.after_id)",
        "true",
    ),
    _broken(
        "tried-by-nobody-known",
        "a trial is for those who would be known again",
        "begin_trial",
        "where c.user_id = begin_trial.user_id",
        "where true",
    ),
)
