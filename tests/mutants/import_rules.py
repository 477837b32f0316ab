"""Rules of importing, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, SqlMutant

IMPORT = "sql_tests/23_import.test.sql"
LIVE = "tests/database/test_import.py"

MUTANTS = (
    SqlMutant(
        "import-on-top-of-the-bonus",
        "the bonus is part of the old balance",
        (Rewrite("coinslot.take_balances", "coalesce(b.bonus, 0)", "0::bigint"),),
        (IMPORT,),
    ),
    SqlMutant(
        "import-takes-the-bonus-for-each-column",
        "the bonus is counted once",
        (
            Rewrite(
                "coinslot.uncounted_bonuses",
                "from coinslot.imported_balances i",
                "from coinslot.imported_balances i where false",
            ),
        ),
        (IMPORT,),
    ),
    SqlMutant(
        "import-on-top-of-a-merged-bonus",
        "the bonus of an account that was merged is part of the old balance, too",
        (Rewrite("coinslot.uncounted_bonuses", "m.from_user = b.user_id", "false"),),
        (IMPORT,),
    ),
    SqlMutant(
        "import-waits-for-merged-wallets",
        "an import waits for no wallet whose holder may wait for the import",
        (
            Rewrite(
                "coinslot.take_balances",
                "perform from coinslot.balances_by_owner",
                "perform from coinslot.old_balances",
            ),
        ),
        (LIVE,),
    ),
    SqlMutant(
        "merges-beside-an-import",
        "nobody is merged between the locks of an import and its reading",
        (
            Rewrite(
                "coinslot.take_balances", "lock table coinslot.merged_wallets in share mode;", ""
            ),
        ),
        (LIVE,),
    ),
    SqlMutant(
        "import-of-what-was-before-the-lock",
        "an import reads what is there once the table is locked",
        (Rewrite("coinslot.import_problems", "i.level <> 'read committed'", "false"),),
        (LIVE,),
    ),
    SqlMutant(
        "import-makes-debts",
        "a bonus that was spent is not taken back",
        (
            Rewrite(
                "coinslot.take_balances",
                "greatest(due.tokens - due.bonus, least(0, -due.available))",
                "due.tokens - due.bonus",
            ),
        ),
        (IMPORT,),
    ),
    SqlMutant(
        "import-takes-what-is-held",
        "what is held is not there to be taken",
        (
            Rewrite(
                "coinslot.take_balances",
                "case when w.held = 0 then w.tokens else coinslot.available(w) end",
                "w.tokens",
            ),
        ),
        (IMPORT,),
    ),
    SqlMutant(
        "import-grows-debts",
        "who has less than nothing loses nothing more",
        (Rewrite("coinslot.take_balances", "least(0, -due.available)", "-due.available"),),
        (IMPORT,),
    ),
    SqlMutant(
        "import-sets-balances",
        "a balance is added, never set",
        (
            Rewrite(
                "coinslot.take_balances",
                "greatest(due.tokens - due.bonus, least(0, -due.available))",
                "due.tokens - due.available",
            ),
        ),
        (IMPORT,),
    ),
    SqlMutant(
        "import-earns-another-bonus",
        "who came with a balance gets no bonus later",
        (
            Rewrite(
                "coinslot.import_balances", "perform coinslot.use_up_accounts(v_name);", "null;"
            ),
        ),
        (IMPORT,),
    ),
    SqlMutant(
        "field-of-a-closed-wallet",
        "every read of a balance agrees: a closed wallet has none",
        (
            Rewrite(
                "coinslot.make_balance_field",
                "case when w.closed_at is null then coinslot.available(w) else 0 end",
                "coinslot.available(w)",
            ),
        ),
        (IMPORT,),
    ),
    SqlMutant(
        "import-of-half-a-token",
        "only whole numbers are balances",
        (Rewrite("coinslot.balance_problems", "b.tokens <> trunc(b.tokens)", "false"),),
        (IMPORT,),
    ),
    SqlMutant(
        "import-of-nobodys-balance",
        "no balance is lost for want of a user",
        (Rewrite("coinslot.balance_problems", "w.user_id is null", "false"),),
        (IMPORT,),
    ),
    SqlMutant(
        "import-of-a-column-in-use",
        "what uses the column is named before it goes",
        (
            Rewrite(
                "coinslot.dependent_objects",
                "num_nonnulls(f.oid, c.oid, i.indexrelid) = 0",
                "false",
            ),
        ),
        (IMPORT,),
    ),
    SqlMutant(
        "import-breaks-functions",
        "functions whose text names the column are named",
        (Rewrite("coinslot.dependent_functions", "p.prosrc ~* coinslot.word(c.relname)", "false"),),
        (IMPORT,),
    ),
    SqlMutant(
        "import-breaks-triggers",
        "a trigger of the table needs not name the table",
        (Rewrite("coinslot.dependent_functions", "t.tgrelid = c.oid", "false"),),
        (IMPORT,),
    ),
    SqlMutant(
        "import-of-our-own-table",
        "Coinslot's own tables are no app's",
        (Rewrite("coinslot.table_problems", "'public.token_payments',", ""),),
        (IMPORT,),
    ),
    SqlMutant(
        "import-again-after-the-column-came-back",
        "a column is imported once",
        (
            Rewrite(
                "coinslot.is_imported", "v_imported_at is not null and exists", "false and exists"
            ),
        ),
        (IMPORT,),
    ),
    SqlMutant(
        "import-beside-writes",
        "no balance changes while it is read",
        (
            Rewrite(
                "coinslot.import_balances",
                "execute format('lock table %s in access exclusive mode', app_table);",
                "",
            ),
        ),
        (LIVE,),
    ),
    SqlMutant(
        "import-beside-a-bonus",
        "a bonus that is being paid is waited for",
        (Rewrite("coinslot.take_balances", "for update of w", ""),),
        (LIVE,),
    ),
    SqlMutant(
        "merged-while-waited-for",
        "whoever was merged while an import waited is named",
        (Rewrite("coinslot.take_balances", "column_name || ' cannot", "null || ' cannot"),),
        (LIVE,),
    ),
    SqlMutant(
        "closed-to-the-api-only",
        "a closed table is closed to functions of the owner, too",
        (
            Rewrite(
                "coinslot.close_table",
                "before update or delete or truncate on %s '\n    'for each statement when (",
                "before update or delete or truncate on %s '\n"
                "    'for each statement when (current_user <> ''postgres'' and ",
            ),
        ),
        (IMPORT,),
    ),
    SqlMutant(
        "closed-to-cascades",
        "a user is deleted with what the app wants deleted",
        (Rewrite("coinslot.close_table", "when (pg_catalog.pg_trigger_depth() = 0) ", ""),),
        (IMPORT,),
    ),
    SqlMutant(
        "closed-and-open-to-new-rows",
        "nothing new comes into a closed table",
        (Rewrite("coinslot.close_table", "before insert on %s", "before update on %s"),),
        (IMPORT,),
    ),
)
