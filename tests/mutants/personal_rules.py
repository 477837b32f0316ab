"""Rules of a copy of a person's data, and of erasing it, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant, Rewrite, SidecarMutant, SqlMutant

DATA = "sql_tests/40_personal_data.test.sql"


def _mutant(name: str, breaks: str, function: str, old: str, new: str, *proof: str) -> SqlMutant:
    return SqlMutant(name, breaks, (Rewrite(f"coinslot.{function}", old, new),), proof)


MUTANTS: tuple[Mutant, ...] = (
    _mutant(
        "copy-of-everybody",
        "a copy has nothing of anybody else",
        "export_page",
        "where t.user_id = any ($1) and",
        "where ($1 is not null) and",
        DATA,
    ),
    _mutant(
        "copy-with-secrets",
        "a copy has no secrets",
        "export_parts",
        "'{secret}'",
        "'{}'",
        DATA,
    ),
    _mutant(
        "copy-cut-off",
        "each page begins behind the one before",
        "export_page",
        "case when count(*) = $4'",
        "case when count(*) > $4'",
        DATA,
    ),
    _mutant(
        "erased-with-an-account",
        "an account is deleted before it is erased",
        "check_erasable",
        "and u.deleted_at is null",
        "and u.deleted_at is not null",
        DATA,
    ),
    _mutant(
        "erased-with-paid-tokens",
        "tokens that were paid for are not forfeited by themselves",
        "check_erasable",
        "if check_erasable.forfeit then",
        "if true then",
        DATA,
    ),
    _mutant(
        "erased-with-open-orders",
        "what is open is not erased",
        "check_erasable",
        "if v_open <> '{}' then",
        "if v_open ? 'paid_tokens' then",
        DATA,
    ),
    _mutant(
        "ledger-open-to-change",
        "only what is being erased becomes empty",
        "guard_entry",
        "and e.finished_at is null",
        "",
        DATA,
    ),
    _mutant(
        "ledger-open-to-sums",
        "no sum of the ledger changes",
        "guard_entry",
        "to_jsonb(new) - '{reason,metadata}'::text[] = to_jsonb(old) - '{reason,metadata}'::text[]",
        "true",
        DATA,
    ),
    _mutant(
        "entries-left",
        "a long history is erased to its end",
        "blank_entries",
        "finished_at = case when v_due < blank_entries.batch then clock_timestamp() end",
        "finished_at = clock_timestamp()",
        DATA,
    ),
    _mutant(
        "holder-left",
        "the holder of an account goes",
        "blank_user",
        "update public.token_payments p set virtual_account = p.virtual_account - 'holder'",
        "update public.token_payments p set virtual_account = p.virtual_account - 'nobody'",
        DATA,
    ),
    _mutant(
        "erased-comes-back",
        "a later read of a gateway brings nobody back",
        "apply_attempt",
        "and coinslot.is_erased(payment.user_id)",
        "and false",
        DATA,
    ),
    _mutant(
        "hashes-of-everybody",
        "hashes go of those alone who were erased",
        "purge_hashes",
        "delete from coinslot.identities i where i.user_id = any (v_ids)",
        "delete from coinslot.identities i",
        DATA,
    ),
    SidecarMutant(
        "formula-in-a-copy",
        "no cell of a copy is a formula",
        Edit("sidecar/coinslot/cli/personal_data.py", 'return f"\'{text}"', "return text"),
        ("tests/cli/test_personal_data.py",),
    ),
)
