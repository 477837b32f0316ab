"""Rules of reports, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, Run, SqlMutant

REPORTS = "tests/reports/test_reports.py"
MONTHS = "tests/reports/test_months.py"
FILES = "tests/reports/test_files.py"

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
        (REPORTS,),
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
)
