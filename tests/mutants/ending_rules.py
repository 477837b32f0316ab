"""Rules of orders that end, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Rewrite, Run, SidecarMutant, SqlMutant

ORDERS = "sql_tests/06_orders.test.sql"
ENDS = "sql_tests/25_order_ends.test.sql"
CLOSING = "tests/gateways/test_closing.py"

MUTANTS = (
    SqlMutant(
        "ended-orders-stay-open",
        "an order that ends is closed at its gateway",
        (Run("drop trigger token_payments_ended on public.token_payments"),),
        (ENDS,),
    ),
    SqlMutant(
        "called-off-accounts-are-waited-for",
        "an account that was there when its order was called off is not waited for",
        (Rewrite("coinslot.payment_facts", "payment.canceled_at < v_attempt.created_at", "true"),),
        ("sql_tests/08_gateway_payments.test.sql",),
    ),
    SqlMutant(
        "debits-are-called-off",
        "a debit that is under way cannot be called off",
        (Rewrite("coinslot.can_cancel", "and payment.virtual_account is not null", ""),),
        ("sql_tests/08_gateway_payments.test.sql",),
    ),
    SqlMutant(
        "later-attempts-stay-open",
        "an attempt that begins after its order has ended is closed, too",
        (Rewrite("coinslot.apply_news", "coinslot.has_ended(payment.status)", "false"),),
        (ENDS,),
    ),
    SqlMutant(
        "closings-are-given-twice",
        "a closing is leased to whoever claims it",
        (Rewrite("coinslot.claim_closings", "clock_timestamp() + due.wait", "clock_timestamp()"),),
        (ENDS,),
    ),
    SqlMutant(
        "what-came-later-counts-as-closed",
        "whoever closed what was there before has not ended it",
        (Rewrite("coinslot.finish_closing", "and c.round = finish_closing.round", ""),),
        (ENDS,),
    ),
    SqlMutant(
        "paid-orders-are-closed",
        "an order that goes on after all is not closed",
        (Rewrite("coinslot.claim_closings", "or not s.ended as over", "as over"),),
        (ENDS,),
    ),
    SqlMutant(
        "old-prices-for-ever",
        "late money for a price that is asked no more is for a person",
        (Rewrite("coinslot.lateness", "and not coinslot.is_asked(payment)", "and false"),),
        (ENDS,),
    ),
    SqlMutant(
        "late-money-is-always-refused",
        "late money for a price that is still asked is credited",
        (Rewrite("coinslot.lateness", "and not coinslot.is_asked(payment)", ""),),
        (ENDS,),
    ),
    SqlMutant(
        "no-grace",
        "a price that rises in the grace is not that of the order",
        (Rewrite("coinslot.lateness", "payment.expires_at + (", "payment.expires_at + 0 * ("),),
        (ENDS,),
    ),
    SqlMutant(
        "late-is-when-we-read",
        "the moment counts when the buyer paid",
        (
            Rewrite(
                "coinslot.lateness",
                "least(attempt.taken_at, clock_timestamp())",
                "clock_timestamp()",
            ),
        ),
        (ENDS,),
    ),
    SqlMutant(
        "late-money-credited-when-asked-again",
        "what has once been left to a person stays so",
        (
            Rewrite(
                "coinslot.lateness",
                "attempt.problem in ('late_payment', 'voided_order')",
                "false",
            ),
        ),
        (ENDS,),
    ),
    SqlMutant(
        "credited-while-it-goes-back",
        "what a wallet could not take stays left to a person",
        (
            Rewrite(
                "coinslot.attempt_problem",
                "and attempt.problem in ('wallet_closed', 'wallet_full')",
                "and false",
            ),
        ),
        ("sql_tests/15_refunds.test.sql",),
    ),
    SqlMutant(
        "voided-orders-are-credited",
        "money for a voided order is for a person",
        (Rewrite("coinslot.lateness", "v_taken_at > payment.voided_at", "false"),),
        (ENDS,),
    ),
    SqlMutant(
        "voided-orders-come-back",
        "a voided order stays so, whatever is read of its attempts",
        (Rewrite("coinslot.payment_facts", "payment.voided_at is not null", "false"),),
        (ENDS,),
    ),
    SqlMutant(
        "deposits-without-a-deadline",
        "whatever its account says, an order waits for a week",
        (
            Rewrite(
                "coinslot.payment_facts",
                "if v_due_at > coalesce(payment.deposit_until, payment.expires_at) then",
                "if false then",
            ),
        ),
        (ORDERS, ENDS),
    ),
    SqlMutant(
        "waiting-orders-are-free",
        "an order that waits for a deposit is open",
        (
            Rewrite(
                "coinslot.check_order_limits",
                "p.status in ('pending', 'awaiting_deposit') and (",
                "p.status = 'pending' and (",
            ),
        ),
        (ORDERS,),
    ),
    SqlMutant(
        "any-currency-anywhere",
        "a gateway sells in its own currencies only",
        (
            Rewrite(
                "coinslot.selling_gateway",
                "selling_gateway.currency <> all (v_gateway.currencies)",
                "false",
            ),
        ),
        (ORDERS,),
    ),
    SqlMutant(
        "refunds-accepted-twice",
        "a proposal that is agreed to twice is carried out once",
        (Rewrite("coinslot.start_accepted_refund", "v_refund.status <> 'failed'", "false"),),
        (ENDS,),
    ),
    SidecarMutant(
        "paid-accounts-are-canceled",
        "closing an order gives no money back",
        Edit(
            "sidecar/coinslot/gateways/toss/adapter.py",
            'if payment is None or payment.state != "awaiting_deposit":',
            "if payment is None:",
        ),
        (f"{CLOSING}::TestToss",),
    ),
    SidecarMutant(
        "second-payment-after-a-day",
        "a repeated checkout finds the payment that is known",
        Edit(
            "sidecar/coinslot/gateways/stripe/adapter.py",
            "if order.payment_key is None:",
            "if True:",
        ),
        (f"{CLOSING}::TestStripe",),
    ),
)
