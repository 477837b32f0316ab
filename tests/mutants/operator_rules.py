"""Rules of operators, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, Run, SqlMutant
from tests.mutants.refund_rules import ACCESS
from tests.mutants.wallet_rules import STATE_MACHINE

OPERATORS = "sql_tests/20_operators.test.sql"
RACES = "tests/database/test_operators.py"
CONSOLE = "sql_tests/39_console.test.sql"
CLICKS = "tests/database/test_console.py"
_HAS_A_ROLE = "o.user_id = v_user_id and o.role = any(require_operator.roles)"

MUTANTS = (
    SqlMutant(
        "support-refunds",
        "support only reads",
        (
            Rewrite(
                "coinslot.acting_operator",
                "coinslot.may_do(o, acting_operator.action)",
                "o.role = any(coinslot.operator_roles())",
            ),
        ),
        (ACCESS, CONSOLE),
    ),
    SqlMutant(
        "operators-by-app-metadata",
        "nothing in auth.users makes anybody an operator",
        (
            Rewrite(
                "coinslot.require_operator",
                "if not exists (",
                "if coalesce((select u.raw_app_meta_data ->> 'role' from auth.users u"
                " where u.id = v_user_id), '') <> all(require_operator.roles) and not exists (",
            ),
        ),
        (ACCESS,),
    ),
    SqlMutant(
        "operators-by-user-metadata",
        "nothing that users write about themselves makes anybody an operator",
        (
            Rewrite(
                "coinslot.require_operator",
                "if not exists (",
                "if coalesce((select u.raw_user_meta_data ->> 'role' from auth.users u"
                " where u.id = v_user_id), '') <> all(require_operator.roles) and not exists (",
            ),
        ),
        (ACCESS, STATE_MACHINE),
    ),
    SqlMutant(
        "banned-operators",
        "who is banned or deleted is no operator any more",
        (Rewrite("coinslot.require_operator", " and coinslot.may_act(u)", ""),),
        (ACCESS,),
    ),
    SqlMutant(
        "every-operator-is-an-owner",
        "what is an owner's is nobody else's",
        (Rewrite("coinslot.require_operator", _HAS_A_ROLE, "o.user_id = v_user_id"),),
        (OPERATORS,),
    ),
    SqlMutant(
        "operators-by-claimed-address",
        "an address stands for the user who has confirmed it",
        (Rewrite("coinslot.user_named", "and u.email_confirmed_at is not null", ""),),
        (OPERATORS,),
    ),
    SqlMutant(
        "last-owner-goes",
        "the last owner stays",
        (Rewrite("coinslot.keep_an_owner", "if not found then", "if false then"),),
        (OPERATORS, RACES),
    ),
    SqlMutant(
        "last-owner-demoted",
        "the last owner stays an owner",
        (Rewrite("coinslot.add_operator", "perform coinslot.keep_an_owner(v_user_id);", ""),),
        (OPERATORS, RACES),
    ),
    SqlMutant(
        "two-owners-remove-each-other",
        "of two owners who remove each other at once, one stays",
        (
            Rewrite(
                "coinslot.keep_an_owner",
                "lock table coinslot.operators in share row exclusive mode;",
                "",
            ),
            Rewrite("coinslot.keep_an_owner", "for update of o;", ";"),
        ),
        (RACES,),
    ),
    SqlMutant(
        "operators-unnoted",
        "who becomes an operator or is none any more is noted",
        (Run("alter table coinslot.operators disable trigger operators_noted"),),
        (OPERATORS,),
    ),
    SqlMutant(
        "actions-forgotten",
        "what was noted stays, as it is",
        (Run("drop trigger operator_actions_append_only on coinslot.operator_actions"),),
        (OPERATORS,),
    ),
    SqlMutant(
        "limits-unkept",
        "an operator gives and refunds within their limits",
        (
            Rewrite(
                "coinslot.check_limit",
                "if check_limit.before < check_limit.amount then",
                "if false then",
            ),
        ),
        (CONSOLE,),
    ),
    SqlMutant(
        "limits-raced",
        "two calls of an operator at once count together",
        (
            Rewrite(
                "coinslot.acting_operator",
                "perform pg_advisory_xact_lock(",
                "perform hashint8(",
            ),
        ),
        (CLICKS,),
    ),
    SqlMutant(
        "clicks-after-the-role",
        "a role is kept until what is done with it has committed",
        (Rewrite("coinslot.acting_operator", "for share of o;", ";"),),
        (CLICKS,),
    ),
    SqlMutant(
        "clicks-twice",
        "a call under the same key does nothing",
        (Rewrite("coinslot.console_act", "elsif found then", "elsif false then"),),
        (CONSOLE, CLICKS),
    ),
    SqlMutant(
        "support-forces",
        "tokens that were spent are taken by finance and owners",
        (
            Rewrite(
                "coinslot.refund_as",
                "if refund_as.force and not coinslot.may_do(operator, 'force_refund') then",
                "if false then",
            ),
        ),
        (CONSOLE,),
    ),
    SqlMutant(
        "addresses-shown",
        "an address is masked for all but owners",
        (Rewrite("coinslot.shown_email", "when operator.role = 'owner' or", "when true or"),),
        (CONSOLE,),
    ),
    SqlMutant(
        "looking-unnoted",
        "looking at who somebody is is noted",
        (
            Rewrite(
                "coinslot.act_on_customer",
                "when v_reveals then 'customer_revealed'",
                "when false then 'customer_revealed'",
            ),
        ),
        (CONSOLE,),
    ),
    SqlMutant(
        "filters-unknown",
        "a filter that there is not finds nothing",
        (Rewrite("coinslot.check_filters", "if v_argument is not null then", "if false then"),),
        (CONSOLE,),
    ),
)
