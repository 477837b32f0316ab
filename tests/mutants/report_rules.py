"""Rules of reports, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, Run, SqlMutant

REPORTS = "tests/reports/test_reports.py"
MONTHS = "tests/reports/test_months.py"
FILES = "tests/reports/test_files.py"
RETURNS = "tests/reports/test_used_returns.py"
FOLDS = "tests/reports/test_late_folds.py"

MUTANTS = (
    SqlMutant(
        "money-undated",
        "each change of an order's money is dated",
        (Run("alter table public.token_payments disable trigger token_payments_money_moved"),),
        (REPORTS, MONTHS),
    ),
    SqlMutant(
        "older-money-undated",
        "an older order's money is dated before its next move",
        (Rewrite("coinslot.note_move", "perform coinslot.make_moves(old);", ""),),
        (MONTHS,),
    ),
    SqlMutant(
        "money-of-the-payment-before",
        "money is told by the way of the payment that counts",
        (Rewrite("coinslot.note_move", "least(old.paid, new.paid) > 0", "false"),),
        (MONTHS,),
    ),
    SqlMutant(
        "vat-rounded-down",
        "the VAT of a sum is rounded half up",
        (Rewrite("coinslot.vat_in", "round(", "floor("),),
        (REPORTS,),
    ),
    SqlMutant(
        "worth-of-rounded-parts",
        "the parts of a lot's price add up to it",
        (
            Rewrite(
                "coinslot.lot_news",
                "- coinslot.worth(i.price, i.price_tokens, i.last_token::bigint)",
                "- coinslot.worth(i.price, i.price_tokens, i.first_token::bigint)"
                " - coinslot.worth(i.price, i.price_tokens,"
                " (i.last_token - i.first_token)::bigint)",
            ),
        ),
        (REPORTS,),
    ),
    SqlMutant(
        "used-when-folded",
        "what was used is recognised when it was spent, and not when it was drawn",
        (Rewrite("coinslot.lot_news", "coalesce(s.created_at, d.at)", "d.at"),),
        ("tests/reports/test_every_report.py",),
    ),
    SqlMutant(
        "moved-lots-forgotten",
        "a lot that a merge moved is summed once, where it was made",
        (Run("alter table public.token_lots disable trigger token_lots_moved"),),
        ("tests/reports/test_moved_lots.py",),
    ),
    SqlMutant(
        "summed-twice",
        "a move is added up once",
        (Rewrite("coinslot.sum_moves", "set summed = true", "set summed = false"),),
        (REPORTS,),
    ),
    SqlMutant(
        "formulas-exported",
        "no cell of a file is a formula",
        (
            Rewrite(
                "coinslot.csv_lines",
                "v.written ~ '^\\s*",
                "v.written ~ '^$' and v.written ~ '^\\s*",
            ),
        ),
        (FILES,),
    ),
    SqlMutant(
        "support-exports",
        "files are for finance and owners",
        (Rewrite("coinslot.console_export", "acting_operator('export')", "reading_operator()"),),
        (FILES,),
    ),
    SqlMutant(
        "test-money-settled",
        "what gateways list of test money is not among real money",
        (Rewrite("coinslot.settlement_report", "t.live = options.live and ", ""),),
        ("sql_tests/17_audits.test.sql",),
    ),
    SqlMutant(
        "unfinished-settled",
        "an audit with rows that nobody could read takes no place of a finished one",
        (Rewrite("coinslot.finish_audit", "if v_audit.finished_at is not null", "if true"),),
        ("sql_tests/17_audits.test.sql",),
    ),
    SqlMutant(
        "used-and-refunded",
        "money that goes back for tokens that were used comes off revenue",
        (Rewrite("coinslot.note_beyond_lots", "having sum(b.refunded) <> 0", "having false"),),
        (RETURNS,),
    ),
    SqlMutant(
        "expired-and-refunded",
        "money that goes back for tokens that had expired comes off breakage",
        (Rewrite("coinslot.note_beyond_lots", "v_breakage as breakage", "0 as breakage"),),
        (RETURNS,),
    ),
    SqlMutant(
        "expired-when-folded",
        "tokens expire in reports when their lot ends",
        (Rewrite("coinslot.sum_entries", "select d.at,", "select clock_timestamp(),"),),
        (FOLDS,),
    ),
    SqlMutant(
        "over-before-folded",
        "a month is not over while a lot that ended in it is not folded",
        (Rewrite("coinslot.round_begins", "and l.expires_at > w.folded_at", "and false"),),
        (FOLDS,),
    ),
)
