"""Rules of refills, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

REFILLS = "sql_tests/35_refills.test.sql"


def _mutant(name: str, breaks: str, *patch: tuple[str, str, str]) -> SqlMutant:
    rewrites = (Rewrite(f"coinslot.{function}", old, new) for function, old, new in patch)
    return SqlMutant(name, breaks, tuple(rewrites), (REFILLS,))


MUTANTS = (
    _mutant(
        "spend-without-refill",
        "a spend is granted what is due",
        (
            "debit_slowly",
            "coinslot.grant_refills(coinslot.fold_if_due(v_wallet, v_now), v_now)",
            "coinslot.fold_if_due(v_wallet, v_now)",
        ),
    ),
    _mutant(
        "hold-without-refill",
        "a hold is granted what is due",
        ("hold", "v_wallet := coinslot.grant_refills(v_wallet, v_now);", "null;"),
    ),
    _mutant(
        "capture-without-refill",
        "a capture is granted what is due",
        (
            "capture_hold",
            "coinslot.grant_refills(coinslot.fold(v_hold.user_id, v_now), v_now)",
            "coinslot.fold(v_hold.user_id, v_now)",
        ),
    ),
    _mutant(
        "refill-not-shown",
        "the balance has what the next use is granted",
        ("available", "coinslot.foreseen_refills(wallet, l.tokens) - l.tokens", "-l.tokens"),
    ),
    _mutant(
        "refill-never-ends",
        "a refill that replaces ends with its period",
        (
            "post_refill",
            "when 'replace' then post_refill.period_end",
            "when 'replace' then 'infinity'",
        ),
    ),
    _mutant(
        "refill-into-debt",
        "no refill is granted that leaves a debt",
        ("refills_of", "v_base + tokens between 1 and coinslot.max_amount()", "true"),
    ),
    _mutant(
        "refill-forgotten-after-a-debt",
        "what pays a debt makes a refill due",
        (
            "post_credit",
            "v_wallet.tokens + entry.delta - v_reserved",
            "v_wallet.tokens - v_reserved",
        ),
    ),
    _mutant(
        "refill-for-every-account",
        "an identity has one refill in a period",
        ("rules_for", "and i.identity_hash = any (v_hashes)", "and false"),
        ("use_identities", "and count(*) = count(r.identity_hash)", ""),
    ),
    _mutant(
        "refill-for-nobody-yet",
        "who has confirmed nothing gets no refill",
        ("rules_for", "v_hashes <> '{}' and", ""),
        ("use_identities", "count(*) > 0 and", ""),
    ),
    _mutant(
        "confirmation-without-refill",
        "a confirmed identity has its refill at once",
        ("follow_confirmation", "perform coinslot.look_for_refills(new.id);", ""),
    ),
    _mutant(
        "refill-again-after-a-merge",
        "a user has one refill in a period, with all that was merged",
        ("rules_for", "g.user_id = any (v_histories)", "g.user_id = rules_for.user_id"),
    ),
    _mutant(
        "two-refills-merged",
        "of two refills for one period one lapses when their wallets merge",
        (
            "lock_for_merge",
            "perform coinslot.lapse_refills("
            "lock_for_merge.from_user, lock_for_merge.into_user, v_now);",
            "",
        ),
    ),
    _mutant(
        "refill-for-all-groups",
        "a group's refill is for its members",
        ("rules_for", "r.group_name is null or exists", "true or exists"),
    ),
    _mutant(
        "day-by-its-date",
        "a day begins before all that is in it",
        ("refill_period", "generate_series(-1, 2)", "generate_series(0, 1)"),
    ),
    _mutant(
        "wallets-not-told",
        "a rule that is switched on reaches the wallets that are there",
        ("spread_refills", "perform coinslot.look_for_refills(v_user);", ""),
    ),
)
