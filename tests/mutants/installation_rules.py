"""Rules of the check of an installation, each broken by one mutant: it must never go silent."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, Run, SqlMutant

CHECK = "sql_tests/22_installation.test.sql"

MUTANTS = (
    SqlMutant(
        "missing-triggers-unseen",
        "what is missing is a fault",
        (
            Rewrite(
                "coinslot.compare_manifest",
                "where e.facts is distinct from f.facts",
                "where e.facts is distinct from f.facts and f.facts is not null",
            ),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "disabled-triggers-unseen",
        "a trigger that is off is a fault",
        (Rewrite("coinslot.present_triggers", "'enabled', t.tgenabled, ", ""),),
        (CHECK,),
    ),
    SqlMutant(
        "edited-functions-unseen",
        "a function that was edited by hand is named",
        (Rewrite("coinslot.present_functions", "p.prosrc)", "'')"),),
        (CHECK,),
    ),
    SqlMutant(
        "lost-grants-unseen",
        "who may do what is part of a release",
        (Rewrite("coinslot.grants_in", "a.grantee = 0 or ", ""),),
        (CHECK,),
    ),
    SqlMutant(
        "rivals-unseen",
        "two functions of one name stop every call through the API",
        (Rewrite("coinslot.check_rivals", "p.proname <> 'tokens'", "p.proname = 'tokens'"),),
        (CHECK,),
    ),
    SqlMutant(
        "functions-of-other-arguments-are-rivals",
        "a function that calls can be told from is the app's affair",
        (Rewrite("coinslot.check_rivals", "a.has_to <@ b.may and b.has_to <@ a.may", "true"),),
        (CHECK,),
    ),
    SqlMutant(
        "rivals-of-fewer-arguments",
        "a call that gives not all that the other has to have is told from its own",
        (Rewrite("coinslot.check_rivals", "a.has_to <@ b.may and ", ""),),
        (CHECK,),
    ),
    SqlMutant(
        "altered-constraints-unseen",
        "a constraint of the same name that lets more through is named",
        (
            Rewrite(
                "coinslot.present_parts",
                "'definition', coinslot.as_parsed(pg_get_constraintdef(c.oid)),",
                "",
            ),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "disabled-foreign-keys-unseen",
        "a foreign key that a restore left disabled is named",
        (Rewrite("coinslot.present_parts", "t.tgenabled <> 'O'", "false"),),
        (CHECK,),
    ),
    SqlMutant(
        "remade-indexes-unseen",
        "an index of the same name on something else is named",
        (
            Rewrite(
                "coinslot.present_parts",
                "'definition', coinslot.as_parsed(pg_get_indexdef(i.indexrelid))",
                "'partial', i.indpred is not null",
            ),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "columns-unseen",
        "a column that is gone or changed is named",
        (
            Rewrite(
                "coinslot.present_objects",
                "union all select * from coinslot.present_columns()",
                "",
            ),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "additions-unseen",
        "a policy that shows rows to others is named",
        (
            Run(
                "create or replace function coinslot.must_not_be_added(kind text, name text)"
                " returns boolean language sql immutable parallel safe set search_path = ''"
                " return kind = 'column' or starts_with(name, 'coinslot.payment_')"
            ),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "other-owners-unseen",
        "a table that belongs to another role is named",
        (Rewrite("coinslot.own_relations", "nullif(c.relowner, u)", "null"),),
        (CHECK,),
    ),
    SqlMutant(
        "upgrades-bless",
        "what was changed by hand does not become of the release by an upgrade",
        (Rewrite("coinslot.write_manifest", "if v_before <> '[]' then", "if false then"),),
        (CHECK,),
    ),
    SqlMutant(
        "upgrades-disown",
        "what an upgrade has made is of the release, also where somebody had made the same",
        (Rewrite("coinslot.deviations", "concat(p.xmin, p.ctid)", "''"),),
        (CHECK,),
    ),
    SqlMutant(
        "unfinished-upgrades-unseen",
        "between two releases nothing is called a difference",
        (
            Rewrite(
                "coinslot.check_release", "if coinslot.found_at_upgrade() is not null", "if false"
            ),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "pushes-stop-buyers",
        "servers go on while an upgrade is being pushed",
        (
            Run(
                "create or replace function coinslot.stops_buyers(code text) returns boolean "
                "language sql immutable parallel safe set search_path = '' "
                "return code not in ('function_changed', 'grants_added')"
            ),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "repaired-between-releases",
        "nothing of the release before is put over what an unfinished upgrade has made",
        (Rewrite("coinslot.repair", "if coinslot.found_at_upgrade() is not null", "if false"),),
        (CHECK,),
    ),
    SqlMutant(
        "second-beginning-counts",
        "an upgrade that is begun again does not take its own doing for somebody's",
        (
            Rewrite("coinslot.begin_upgrade", "if v_found is null", "if true"),
            Rewrite("coinslot.keep_found", "'create function", "'create or replace function"),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "upgrades-never-end",
        "the last migration of a release ends its upgrade",
        (
            Rewrite(
                "coinslot.write_manifest", "drop function coinslot.unfinished_upgrade();", "null;"
            ),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "another-salt-unseen",
        "identities that do not fit their salt are named",
        (Rewrite("coinslot.check_identities", "where l.kind = 'signup_bonus'", "where false"),),
        (CHECK,),
    ),
    SqlMutant(
        "left-wallets-unseen",
        "an open wallet without its user is named",
        (Rewrite("coinslot.check_wallets", "where w.closed_at is null and", "where false and"),),
        (CHECK,),
    ),
    SqlMutant(
        "quick-check-is-hollow",
        "the quick check compares the release, too",
        (
            Rewrite(
                "coinslot.check_installation",
                "select * from coinslot.check_release()",
                "select * from coinslot.check_release() where not check_installation.quick",
            ),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "triggers-stop-nobody",
        "without its triggers a server is not ready",
        (
            Run(
                "create or replace function coinslot.stops_buyers(code text) returns boolean "
                "language sql immutable parallel safe set search_path = '' "
                "return code in ('function_missing', 'function_rival')"
            ),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "settings-made-up",
        "settings are not made anew where anybody has a wallet",
        (Rewrite("coinslot.check_settings", "case when exists", "case when not exists"),),
        (CHECK,),
    ),
    SqlMutant(
        "closed-before-users-are-back",
        "no wallet is closed as long as Auth has nobody",
        (Rewrite("coinslot.check_wallets", "when exists (select from auth.users)", "when true"),),
        (CHECK,),
    ),
    SqlMutant(
        "shut-out-users-unseen",
        "a user whose wallet is closed is named",
        (Rewrite("coinslot.check_wallets", "where w.closed_at is not null", "where false"),),
        (CHECK,),
    ),
    SqlMutant(
        "merged-wallets-reopened",
        "a wallet that was merged stays closed",
        (
            Rewrite(
                "coinslot.check_wallets",
                "and w.merged_into is null and u.deleted_at",
                "and u.deleted_at",
            ),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "adopted-again",
        "whoever has a wallet is not paid by a repair",
        (
            Run(
                "create or replace function coinslot.adopt_users() returns void language sql as $$"
                " insert into public.token_wallets (user_id) select u.id from auth.users u"
                " on conflict do nothing;"
                " select coinslot.grant_signup_bonus(u.id) from auth.users u $$"
            ),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "closed-tables-are-of-the-release",
        "a table of the app is of no release",
        (
            Rewrite(
                "coinslot.present_triggers",
                "and c.relname = any(coinslot.public_names())",
                "",
            ),
        ),
        (CHECK,),
    ),
    SqlMutant(
        "computed-fields-are-of-the-release",
        "a computed field of a table of the app is of no release",
        (Rewrite("coinslot.present_functions", "and p.proname <> 'tokens'", ""),),
        (CHECK,),
    ),
    SqlMutant(
        "restore-over-wallets",
        "nothing is emptied where anybody has a wallet",
        (
            Rewrite(
                "coinslot.prepare_restore", "if exists (select from public.token_wallets) or", "if"
            ),
        ),
        (CHECK,),
    ),
)
