"""Rules of referrals, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

REFERRALS = "sql_tests/38_referrals.test.sql"


def _mutant(name: str, breaks: str, function: str, old: str, new: str) -> SqlMutant:
    return SqlMutant(name, breaks, (_rewrite(function, old, new),), (REFERRALS,))


def _rewrite(function: str, old: str, new: str) -> Rewrite:
    return Rewrite(f"coinslot.{function}", old, new)


CROWD = "tests/database/test_parallel_rewards.py"

MUTANTS = (
    _mutant(
        "rewarded-for-test-money",
        "test money rewards nobody in a live database",
        "guard_mode",
        "perform coinslot.forget_test_referrals();",
        "",
    ),
    _mutant(
        "rewarded-for-an-old-buyer",
        "who had bought with an account that is theirs now is no new buyer",
        "referral_problem",
        "v_payment.live, referral.created_at)",
        "v_payment.live, '-infinity')",
    ),
    SqlMutant(
        "inviting-each-other-at-once",
        "two who invite each other come one after the other",
        (_rewrite("accept_invitation", "perform coinslot.lock_pair(v_referrer, v_user_id);", ""),),
        (f"{CROWD}::test_two_who_invite_each_other_at_once",),
    ),
    _mutant(
        "invited-by-oneself",
        "nobody invites another account of their own",
        "invitation_problem",
        "or coinslot.share_identity(invitation_problem.referrer, invitation_problem.referred)",
        "",
    ),
    _mutant(
        "invited-for-every-account",
        "an identity is invited once",
        "invitation_problem",
        "where i.identity_hash = any (invitation_problem.hashes)",
        "where false",
    ),
    _mutant(
        "buyers-are-invited",
        "who has bought is not invited any more",
        "invitation_problem",
        "when coinslot.has_bought(invitation_problem.referred, invitation_problem.hashes)",
        "when false",
    ),
    _mutant(
        "inviting-in-a-circle",
        "nobody invites who invited them",
        "invitation_problem",
        "r.referrer = any (v_users) or coinslot.share_identity(",
        "false and coinslot.share_identity(",
    ),
    _mutant(
        "invited-by-the-deleted",
        "who is gone invites nobody",
        "invitation_problem",
        "and w.closed_at is null",
        "",
    ),
    _mutant(
        "rewarded-at-once",
        "a reward waits",
        "settle_referrals",
        "and r.due_at <= clock_timestamp()",
        "",
    ),
    _mutant(
        "rewarded-in-a-dispute",
        "while a bank asks for the money nobody is rewarded",
        "settle_referrals",
        "and p.disputed = 0",
        "",
    ),
    _mutant(
        "rewarded-during-a-refund",
        "while money is asked back nobody is rewarded",
        "settle_referrals",
        "o.payment_id = p.id and o.finished_at is null",
        "false",
    ),
    _mutant(
        "rewarded-during-a-gateways-refund",
        "while the gateway gives money back nobody is rewarded",
        "settle_referrals",
        "a.payment_id = p.id and a.refunding > 0",
        "false",
    ),
    _mutant(
        "rewarded-for-a-deposit-undone",
        "a deposit that is undone is money that has gone back",
        "follow_money",
        "or payment.paid < before.paid",
        "",
    ),
    _mutant(
        "rewarded-for-money-that-went-back",
        "money that has gone back brings no reward",
        "follow_money",
        "perform coinslot.undo_referral(payment);",
        "null;",
    ),
    _mutant(
        "reversed-for-a-part",
        "a part of the money that goes back undoes no referral",
        "follow_money",
        "and not coinslot.has_kept_money(payment)",
        "",
    ),
    _mutant(
        "rewarded-without-end",
        "who invites is rewarded as often as the setting says",
        "reward_referral",
        ") < v_settings.max_referrals then",
        ") < coinslot.max_amount() then",
    ),
    SqlMutant(
        "rewarded-after-a-merge",
        "two who became one are not rewarded",
        (
            _rewrite("referral_problem", "when v_referrer = v_referred then 'own'", ""),
            _rewrite(
                "referral_problem",
                "when coinslot.share_identity(v_referrer, v_referred) then 'own'",
                "",
            ),
        ),
        (REFERRALS,),
    ),
    _mutant(
        "rewarded-for-one-card",
        "two with one card are not rewarded",
        "referral_problem",
        "where i.payment_id = v_payment.id and p.user_id = v_referrer",
        "where false",
    ),
    _mutant(
        "more-than-the-reward-is-taken",
        "what is left of a reward goes back, and no more",
        "take_reward",
        "select least(l.remaining, v_wallet.tokens - v_wallet.held)",
        "select least(l.tokens, v_wallet.tokens - v_wallet.held)",
    ),
)
