"""Rules of refunds, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, Run, SqlMutant
from tests.mutants.wallet_rules import STATE_MACHINE

STORIES = "sql_tests/15_refunds.test.sql"
ACCESS = "sql_tests/18_refund_access.test.sql"
REFUNDS = "tests/database/test_refunds.py"
_ENDED = "perform coinslot.end_refund(v_refund, payment, settle_refund.source)"

MUTANTS = (
    SqlMutant(
        "anybody-refunds",
        "operators ask for refunds",
        (Rewrite("coinslot.require_operator", "if not exists (", "if false and not exists ("),),
        (ACCESS, STORIES, STATE_MACHINE),
    ),
    SqlMutant(
        "refund-sets-nothing-aside",
        "tokens that are going back cannot be spent",
        (Rewrite("coinslot.start_refund", "v_refund := coinslot.reserve_refund(v_refund);", ""),),
        (STORIES, REFUNDS, STATE_MACHINE),
    ),
    SqlMutant(
        "refund-never-freed",
        "a refund that is over sets nothing aside",
        (Rewrite("coinslot.end_refund", "perform coinslot.free_set_aside(refund);", ""),),
        (STORIES, REFUNDS, STATE_MACHINE),
    ),
    SqlMutant(
        "declined-refund-not-freed",
        "a refund that the gateway declined gives the tokens back",
        (
            Rewrite(
                "coinslot.judge_refund",
                "or refund.answer = 'declined' or v_vanished then 'failed'",
                "or v_vanished then 'failed'",
            ),
        ),
        (STORIES, REFUNDS, STATE_MACHINE),
    ),
    SqlMutant(
        "refund-key-not-unique",
        "a repeated request is the same refund",
        (
            Rewrite(
                "coinslot.find_refund_replay",
                "and r.idempotency_key = find_refund_replay.idempotency_key",
                "and false",
            ),
            Run("alter table coinslot.refunds drop constraint refunds_idempotency_key_key"),
        ),
        (STORIES, REFUNDS, STATE_MACHINE),
    ),
    SqlMutant(
        "two-refunds-at-once",
        "one refund of an order at a time",
        (
            Rewrite(
                "coinslot.start_refund",
                "where r.payment_id = v_payment.id and r.finished_at is null;",
                "where false;",
            ),
            Run("drop index coinslot.refunds_one_open"),
        ),
        (STORIES, REFUNDS, STATE_MACHINE),
    ),
    SqlMutant(
        "refund-beyond-the-balance",
        "tokens that were spent are not refunded unless somebody decides so",
        (Rewrite("coinslot.check_unspent", "and not refund.forced", "and false"),),
        (STORIES, REFUNDS, STATE_MACHINE),
    ),
    SqlMutant(
        "old-read-ends-a-refund",
        "only a read that began after the gateway's answer decides what became of a refund",
        (
            Rewrite(
                "coinslot.apply_attempt",
                "if payment.version = apply_attempt.version then",
                "if true then",
            ),
        ),
        (STORIES, REFUNDS, STATE_MACHINE),
    ),
    SqlMutant(
        "late-money-is-no-refund",
        "a refund that failed succeeds when its money goes back after all",
        (
            Rewrite(
                "coinslot.revive_refunds",
                "if attempt.refunded >= v_before + v_refund.amount then",
                "if false then",
            ),
        ),
        (STORIES, STATE_MACHINE),
    ),
    SqlMutant(
        "two-refunds-of-the-same-money",
        "what one refund gave back is not another's, too",
        (
            Rewrite(
                "coinslot.revive_refunds",
                "then max(r.refunded_before + r.amount)",
                "then v_refund.refunded_before",
            ),
        ),
        (STORIES, STATE_MACHINE),
    ),
    SqlMutant(
        "open-refund-robbed",
        "what goes back while a refund is open is not an earlier one's",
        (
            Rewrite(
                "coinslot.settle_refund",
                f"      return;\n    end if;\n    {_ENDED};",
                f"    else\n      {_ENDED};\n    end if;",
            ),
        ),
        (STORIES, STATE_MACHINE),
    ),
    SqlMutant(
        "under-way-again-is-undone",
        "a refund whose money is on its way once more stays done",
        (
            Rewrite(
                "coinslot.settle_refund",
                "> attempt.refunded + attempt.refunding",
                "> attempt.refunded",
            ),
        ),
        (STORIES, STATE_MACHINE),
    ),
    SqlMutant(
        "deletion-frees-refunds",
        "a refund goes on when its buyer is deleted",
        (
            Rewrite(
                "coinslot.close_wallet",
                "and h.status = 'held' and h.refund_id is null;",
                "and h.status = 'held';",
            ),
        ),
        (ACCESS, STORIES, STATE_MACHINE),
    ),
)
