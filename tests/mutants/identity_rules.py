"""Rules of the sign-up bonus, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, Run, SqlMutant
from tests.mutants.wallet_rules import SIGNUP

ADOPTION = "tests/database/test_adoption.py"
PARALLEL_SIGNUPS = "tests/database/test_parallel_signups.py"

MUTANTS = (
    SqlMutant(
        "bonus-twice",
        "an identity has its bonus once, whoever signs up with it",
        (
            Rewrite(
                "coinslot.grant_signup_bonus",
                "count(*) > 0 and count(*) = count(r.identity_hash)",
                "count(*) > 0",
            ),
        ),
        (SIGNUP,),
    ),
    SqlMutant(
        "any-new-identity-pays",
        "an account is paid only if none of its identities is used up",
        (
            Rewrite(
                "coinslot.grant_signup_bonus",
                "count(*) > 0 and count(*) = count(r.identity_hash)",
                "count(r.identity_hash) > 0",
            ),
        ),
        (SIGNUP,),
    ),
    SqlMutant(
        "account-judged-again",
        "an account is judged once, whatever it confirms later",
        (
            Rewrite(
                "coinslot.identities_of",
                "'account:' || account.id",
                "'account:' || gen_random_uuid()",
            ),
        ),
        (SIGNUP,),
    ),
    SqlMutant(
        "plus-addresses-are-canonical",
        "a tag makes no other mailbox",
        (Rewrite("coinslot.canonical_email", "v_local not like", "false and v_local not like"),),
        (SIGNUP,),
    ),
    SqlMutant(
        "dots-at-gmail-count",
        "dots make no other mailbox at Gmail",
        (Rewrite("coinslot.canonical_email", "replace(v_local, '.', '')", "v_local"),),
        (SIGNUP,),
    ),
    SqlMutant(
        "unconfirmed-address-counts",
        "an address counts once it is confirmed",
        (Rewrite("coinslot.identities_of", "account.email_confirmed_at", "account.email"),),
        (SIGNUP,),
    ),
    SqlMutant(
        "address-as-provider-counts",
        "the provider `email` says nothing of a confirmation",
        (Rewrite("coinslot.identities_of", "not in ('email', 'phone')", "not in ('phone')"),),
        (SIGNUP,),
    ),
    SqlMutant(
        "anonymous-is-somebody",
        "an anonymous sign-in is nobody until it is linked",
        (Rewrite("coinslot.identities_of", "account.is_anonymous or", ""),),
        (SIGNUP,),
    ),
    SqlMutant(
        "provider-vouches-for-nobody",
        "an identity at a provider counts without an address",
        (
            Rewrite(
                "coinslot.follow_identity",
                "perform coinslot.grant_signup_bonus(new.user_id);",
                "null;",
            ),
        ),
        (SIGNUP,),
    ),
    SqlMutant(
        "bonus-before-the-transaction-ends",
        "the bonus is decided on all that a sign-up writes",
        (
            Run(
                "create trigger coinslot_identity_early after insert on auth.identities"
                " for each row execute function coinslot.follow_identity()"
            ),
        ),
        (SIGNUP,),
    ),
    SqlMutant(
        "identities-not-sorted",
        "identities are locked in one order",
        (
            Rewrite(
                "coinslot.grant_signup_bonus",
                "from confirmed c order by c.identity_hash",
                "from confirmed c order by case when hashtext(user_id::text) % 2 = 0"
                " then c.identity_hash end, c.identity_hash desc",
            ),
        ),
        (
            f"{PARALLEL_SIGNUPS}"
            "::test_accounts_with_the_same_identities_get_one_bonus_and_no_deadlock",
        ),
    ),
    SqlMutant(
        "first-with-any-identity",
        "of users from before, the first with each of their identities is paid",
        (Rewrite("coinslot.adopt_users", "sum(i.left_over) = 0", "min(i.left_over) < 0"),),
        (SIGNUP,),
    ),
    SqlMutant(
        "users-from-before-are-paid",
        "users from before are paid only if the app chose so",
        (
            Rewrite(
                "coinslot.adopt_users", "where v_settings.bonus_for_existing_users group", "group"
            ),
        ),
        (SIGNUP,),
    ),
    SqlMutant(
        "users-from-before-are-forgotten",
        "identities of users from before are used up where these are not paid",
        (
            Rewrite(
                "coinslot.adopt_users",
                "from confirmed c where c.place = 1",
                "from confirmed c where c.place = 1 and v_settings.signup_bonus > 0",
            ),
        ),
        (SIGNUP,),
    ),
    SqlMutant(
        "adoption-stops-auth",
        "nobody who is new or logs in waits for users from before",
        (
            Rewrite(
                "coinslot.adopt_users",
                "perform pg_advisory_xact_lock(coinslot.adoption_lock());",
                "lock table auth.users, auth.identities in share row exclusive mode;",
            ),
        ),
        (f"{ADOPTION}::test_nobody_who_is_new_or_logs_in_waits_for_an_adoption",),
    ),
    SqlMutant(
        "adoption-overtaken",
        "who was there before and changes during an adoption is judged by what they are in the end",
        (
            Rewrite(
                "coinslot.await_adoption",
                "perform pg_advisory_xact_lock_shared(coinslot.adoption_lock());",
                "null;",
            ),
        ),
        (ADOPTION,),
    ),
    SqlMutant(
        "restored-and-not-judged",
        "a wallet of a user from before is made by whoever judges them",
        (Rewrite("coinslot.follow_user", "if tg_op = 'INSERT' then", "if tg_op <> 'DELETE' then"),),
        (ADOPTION,),
    ),
    SqlMutant(
        "profile-fails-a-sign-up",
        "a sign-up does not fail over a profile",
        (
            Rewrite(
                "coinslot.create_profile",
                "syntax_error_or_access_rule_violation or integrity_constraint_violation",
                "data_exception",
            ),
        ),
        (SIGNUP,),
    ),
)
