"""Rules of exports, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

EXPORTS = "sql_tests/43_exports.test.sql"


def _mutant(name: str, breaks: str, function: str, change: tuple[str, str]) -> SqlMutant:
    return SqlMutant(name, breaks, (Rewrite(f"coinslot.{function}", *change),), (EXPORTS,))


MUTANTS = (
    _mutant(
        "export-of-another",
        "an export is read by whoever began it",
        "own_export",
        ("and e.user_id = operator.user_id", ""),
    ),
    _mutant(
        "export-for-ever",
        "an export ends after a day",
        "own_export",
        ("and e.expires_at > clock_timestamp()", ""),
    ),
    _mutant(
        "export-after-the-role",
        "whose role is gone reads no further",
        "read_export",
        ("not coinslot.may_do(operator, 'start_export')", "false"),
    ),
    _mutant(
        "exports-without-end",
        "an operator has so many exports and no more",
        "start_export",
        (">= coinslot.max_exports()", "is null"),
    ),
    _mutant(
        "export-unnoted",
        "that a list left is noted",
        "start_export",
        ("perform coinslot.note_action(", "perform jsonb_build_array("),
    ),
    _mutant(
        "export-of-what-is-being-made",
        "what may not be committed yet is in no export",
        "start_export",
        ("clock_timestamp() - coinslot.export_margin()", "clock_timestamp()"),
    ),
    _mutant(
        "export-of-what-comes",
        "what is younger than the request is in no export",
        "export_rows",
        ("jsonb_build_object('until', export.until)", "'{}'"),
    ),
    _mutant(
        "export-of-young-entries",
        "an entry that is younger than the request is in no export",
        "export_entries",
        ("w.created_at < export_entries.until", "true"),
    ),
    _mutant(
        "entries-exported-twice",
        "an entry is in an export once",
        "export_entries",
        ("(l.user_id, l.seq) > (v_user, v_seq)", "(l.user_id, l.seq) >= (v_user, v_seq)"),
    ),
    _mutant(
        "exports-not-purged",
        "an export that has expired is deleted",
        "purge_exports",
        ("where e.expires_at <= clock_timestamp()", "where false"),
    ),
    _mutant(
        "heading-on-every-page",
        "a file has one heading",
        "export_lines",
        ("case when export_lines.first", "case when true"),
    ),
)
