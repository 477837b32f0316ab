"""Rules of cash receipts, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, Run, SqlMutant

PROOF = "sql_tests/42_cash_receipts.test.sql"
CONSOLE = "sql_tests/43_console_cash_receipts.test.sql"


def _broken(name: str, rule: str, function: str, old: str, new: str) -> SqlMutant:
    return SqlMutant(name, rule, (Rewrite(f"coinslot.{function}", old, new),), (PROOF,))


def _in_the_console(name: str, rule: str, function: str, old: str, new: str) -> SqlMutant:
    return SqlMutant(name, rule, (Rewrite(f"coinslot.{function}", old, new),), (CONSOLE,))


MUTANTS = (
    _broken(
        "receipt-of-anothers-order",
        "people ask for the receipts of their own orders",
        "request_cash_receipt",
        " and p.user_id = v_user_id",
        "",
    ),
    _broken(
        "withdrawing-anothers-receipt",
        "people take back what they asked for themselves",
        "withdraw_cash_receipt",
        " and p.user_id = v_user_id",
        "",
    ),
    _broken(
        "withdrawing-after-the-money",
        "a receipt of an order that is paid stays asked for",
        "withdraw_cash_receipt",
        "v_payment.confirmed_at is not null",
        "false",
    ),
    _broken(
        "receipt-told-of-to-nobody",
        "what becomes of a receipt is an event of its buyer's",
        "tell_of_cash_receipt",
        "new.status, v_payment.user_id,",
        "new.status, null,",
    ),
    _in_the_console(
        "called-off-and-issued-all-the-same",
        "a receipt that an operator calls off stands for nothing",
        "wanted_of",
        "when receipt.called_off then 0",
        "when receipt.called_off and false then 0",
    ),
    _in_the_console(
        "calling-off-what-the-gateway-issued",
        "a receipt of the gateway's own follows its payment alone",
        "can_cancel_receipt",
        " and not receipt.by_gateway",
        "",
    ),
    _in_the_console(
        "asking-again-in-nobodys-name",
        "nothing is asked for again whose number is gone",
        "can_retry_receipt",
        "(receipt.kind = 'self_issued' or exists",
        "(true or exists",
    ),
    _in_the_console(
        "calling-off-cuts-a-lease",
        "a receipt that is being issued is cancelled afterwards",
        "act_on_cash_receipt",
        "greatest(clock_timestamp(), r.leased_until)",
        "clock_timestamp(), leased_until = null",
    ),
    _broken(
        "receipt-changed-while-asked",
        "a request stays as it is once the gateway has been asked",
        "save_cash_receipt",
        "v_receipt.asked is not null or",
        "",
    ),
    _broken(
        "other-question-after-a-lost-answer",
        "what got no answer is asked again as it was",
        "ask_cash_receipt",
        "coalesce(receipt.asked, case",
        "coalesce(case",
    ),
    _broken(
        "late-answer-of-a-receipt",
        "an answer of an earlier lease changes nothing",
        "finish_cash_receipt",
        "v_receipt.lease = finish_cash_receipt.lease and",
        "",
    ),
    _broken(
        "receipt-of-a-test-in-a-live-shop",
        "a live shop asks for no receipts of test payments",
        "claim_cash_receipts",
        "and p.live = coinslot.is_live()",
        "",
    ),
    _broken(
        "issued-before-the-tax-office",
        "a receipt is issued once the tax office has had its time",
        "judge_cash_receipt",
        "said <> 'in_progress' and v_looked_at <= v_now",
        "said <> 'in_progress'",
    ),
    _broken(
        "receipt-larger-than-the-money",
        "a receipt stands for the money that its order holds",
        "wanted_cash_receipt",
        "coinslot.held_money(payment)",
        "payment.paid",
    ),
    SqlMutant(
        "receipt-of-the-payment-before",
        "a receipt follows where another payment of its order counts",
        (
            Run(
                "drop trigger token_payments_cash_receipt on public.token_payments;"
                " create trigger token_payments_cash_receipt after update on public.token_payments"
                " for each row when (new.confirmed_at is not null and (old.confirmed_at is null"
                " or old.paid <> new.paid or old.refunded <> new.refunded"
                " or old.withdrawn <> new.withdrawn))"
                " execute function coinslot.follow_cash_receipt()"
            ),
        ),
        (PROOF,),
    ),
    _broken(
        "no-receipt-for-cash-in-place-of-a-card",
        "cash that counts in place of a card has a receipt",
        "follow_cash_receipt",
        "old.confirmed_at is null or old.method is not null and not coinslot.is_cash(old.method)",
        "old.confirmed_at is null",
    ),
    _broken(
        "receipt-of-a-card",
        "what was paid by card has no cash receipt",
        "is_cash",
        "'transfer'",
        "'transfer', 'card'",
    ),
    _broken(
        "number-purged-too-soon",
        "a number is kept while something is to be asked for",
        "purge_cash_receipt_numbers",
        "and r.next_try_at is null",
        "",
    ),
    _broken(
        "receipts-shown-to-everybody",
        "operators alone list receipts",
        "list_cash_receipts",
        "perform coinslot.require_operator(variadic coinslot.operator_roles());",
        "",
    ),
)
