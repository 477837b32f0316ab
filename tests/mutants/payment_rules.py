"""Rules of payments, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, Run, SqlMutant
from tests.mutants.wallet_rules import AUDIT, PARALLEL_PAYMENTS, STATE_MACHINE

STATUS = "sql_tests/07_payment_status.test.sql"
PAYMENTS = "sql_tests/08_gateway_payments.test.sql"
REVERSALS = "sql_tests/09_gateway_reversals.test.sql"
REFUSALS = "sql_tests/10_gateway_refusals.test.sql"
STALE = "sql_tests/11_gateway_stale.test.sql"
PRODUCTS = "sql_tests/24_products.test.sql"

_COUNTED = "order by a.credited desc, a.paid > a.refunded + a.withdrawn desc, a.id"

MUTANTS = (
    SqlMutant(
        "payment-not-locked",
        "reads of one payment are applied one after the other",
        (
            Rewrite(
                "coinslot.apply_attempt",
                "where p.order_id = apply_attempt.order_id for update;",
                "where p.order_id = apply_attempt.order_id;",
            ),
        ),
        (f"{PARALLEL_PAYMENTS}::test_fifty_reads_of_one_payment_credit_it_once",),
    ),
    SqlMutant(
        "one-payment-for-two-orders",
        "a payment pays the order it was first seen with",
        (
            Rewrite(
                "coinslot.apply_attempt",
                "if v_known.payment_id <> payment.id then",
                "if false then",
            ),
            Rewrite(
                "coinslot.apply_attempt",
                "coinslot.same_fact(v_known, attempt) then",
                "v_known.payment_id = payment.id and coinslot.same_fact(v_known, attempt) then",
            ),
            Rewrite("coinslot.save_attempt", "where a.payment_id = excluded.payment_id", ""),
            Rewrite(
                "coinslot.save_attempt",
                "state = excluded.state,",
                "payment_id = excluded.payment_id, state = excluded.state,",
            ),
        ),
        (REFUSALS, STATE_MACHINE),
    ),
    SqlMutant(
        "any-transition",
        "only legal moves of an order",
        (Run("drop trigger token_payments_status_moved on public.token_payments"),),
        (STATUS, "sql_tests/06_orders.test.sql"),
    ),
    SqlMutant(
        "any-amount",
        "the order's amount and no other is credited",
        (Rewrite("coinslot.attempt_problem", "attempt.amount <> payment.amount", "false"),),
        (REFUSALS,),
    ),
    SqlMutant(
        "paid-short",
        "what was paid is what was to be paid",
        (
            Rewrite(
                "coinslot.attempt_problem",
                "attempt.paid > 0 and attempt.paid <> attempt.amount",
                "false",
            ),
        ),
        (REFUSALS,),
    ),
    SqlMutant(
        "any-currency",
        "the order's currency and no other is credited",
        (Rewrite("coinslot.attempt_problem", "attempt.currency <> payment.currency", "false"),),
        (REFUSALS,),
    ),
    SqlMutant(
        "test-money-is-money",
        "a test payment buys nothing in live mode, and the other way round",
        (Rewrite("coinslot.attempt_problem", "attempt.live <> payment.live", "false"),),
        (REFUSALS,),
    ),
    SqlMutant(
        "any-gateway",
        "an order is paid at its own gateway",
        (Rewrite("coinslot.attempt_problem", "attempt.gateway <> payment.gateway", "false"),),
        (REFUSALS,),
    ),
    SqlMutant(
        "closed-wallet-credited",
        "money for somebody who was deleted is for a person to decide",
        (Rewrite("coinslot.attempt_problem", "or v_wallet.closed_at is not null", ""),),
        (REFUSALS,),
    ),
    SqlMutant(
        "credit-on-ready",
        "only money that was received is credited",
        (
            Rewrite(
                "public.coinslot_apply_gateway_payment",
                "coinslot_apply_gateway_payment.paid,",
                "case coinslot_apply_gateway_payment.state when 'ready' "
                "then coinslot_apply_gateway_payment.amount "
                "else coinslot_apply_gateway_payment.paid end,",
            ),
        ),
        (PAYMENTS,),
    ),
    SqlMutant(
        "refunds-add-up",
        "tokens follow by the difference to what the ledger already holds",
        (
            Rewrite(
                "coinslot.settle_tokens",
                "payment, v_target - v_now,",
                "payment, v_target - payment.tokens,",
            ),
        ),
        (REVERSALS,),
    ),
    SqlMutant(
        "credited-with-every-read",
        "a payment is credited once",
        (Rewrite("coinslot.settle_tokens", "if v_entries = 0 and", "if"),),
        (PAYMENTS, REVERSALS),
    ),
    SqlMutant(
        "reversal-rounded-up",
        "the share that goes back is rounded down in the buyer's favour",
        (
            Rewrite(
                "coinslot.tokens_to_reverse",
                "tokens_to_reverse.tokens::numeric * tokens_to_reverse.returned,",
                "tokens_to_reverse.tokens::numeric * tokens_to_reverse.returned"
                " + tokens_to_reverse.paid - 1,",
            ),
        ),
        (REVERSALS,),
    ),
    SqlMutant(
        "stale-read-applied",
        "an older read never undoes a newer one",
        (
            Rewrite(
                "coinslot.apply_attempt",
                "elsif payment.version <> apply_attempt.version then",
                "elsif false then",
            ),
        ),
        (STALE,),
    ),
    SqlMutant(
        "versions-stand-still",
        "every read that is applied makes those stale that began before it",
        (Rewrite("coinslot.move_payment", "version = p.version + 1,", ""),),
        (STALE, STATE_MACHINE),
    ),
    SqlMutant(
        "credited-attempt-switches",
        "the attempt that was credited stays the one that counts",
        (Rewrite("coinslot.payment_facts", _COUNTED, "order by a.id desc"),),
        (PAYMENTS, REFUSALS, STATE_MACHINE),
    ),
    SqlMutant(
        "credited-attempt-not-remembered",
        "the attempt that was credited stays the one that counts",
        (
            Rewrite(
                "coinslot.apply_news",
                "or before.confirmed_at is null and attempt.paid > 0 and attempt.problem is null",
                "",
            ),
        ),
        (PAYMENTS, REFUSALS, STATE_MACHINE),
    ),
    SqlMutant(
        "stray-money-is-forgotten",
        "money that fits no order waits for a person",
        (
            Rewrite(
                "coinslot.save_attempt",
                "if attempt.problem is not null and v_has_money then",
                "if false then",
            ),
        ),
        (REFUSALS, STATE_MACHINE),
    ),
    SqlMutant(
        "second-payment-is-forgotten",
        "money that fits no order waits for a person",
        (
            Rewrite(
                "coinslot.settle_payment",
                "if v_duplicate and attempt.paid > attempt.refunded + attempt.withdrawn then",
                "if false then",
            ),
        ),
        ("sql_tests/08_gateway_payments.test.sql", "sql_tests/09_gateway_reversals.test.sql"),
    ),
    SqlMutant(
        "under-way-again-comes-back",
        "money that went back once and is on its way again gives no token back",
        (Rewrite("coinslot.payment_facts", "v_counted.refunding > 0 and", "false and"),),
        (REVERSALS, STATE_MACHINE),
    ),
    SqlMutant(
        "orders-given-back-are-waited-for",
        "whoever gives orders back waits for nobody who moves them",
        (Rewrite("coinslot.return_payments", "for update of r skip locked", "for update of r"),),
        (PARALLEL_PAYMENTS,),
    ),
    SqlMutant(
        "attempts-are-not-audited",
        "each payment has the money of its credited attempt",
        (
            Rewrite(
                "coinslot.verify_ledger",
                "select * from coinslot.verify_attempts(verify_ledger.from_user, "
                "verify_ledger.to_user)",
                "select * from coinslot.verify_attempts(null, null) where false",
            ),
        ),
        (AUDIT,),
    ),
    SqlMutant(
        "prices-in-no-currency",
        "a price is in a currency that there is",
        (
            Rewrite(
                "coinslot.check_product", "k.code <> all (coinslot.currencies())", "k.code = ''"
            ),
        ),
        (PRODUCTS,),
    ),
)
