"""Rules of wallets, holds, keys and rights, each broken by one mutant."""

from __future__ import annotations

from tests.mutants.mutant import Rewrite, Run, SqlMutant

PRIVILEGES = "sql_tests/01_privileges.test.sql"
SIGNUP = "sql_tests/02_signup.test.sql"
SPENDING = "sql_tests/03_spending.test.sql"
ARGUMENTS = "sql_tests/04_arguments.test.sql"
HOLDS = "sql_tests/05_holds.test.sql"
ORDERS = "sql_tests/06_orders.test.sql"
AUDIT = "sql_tests/13_audit.test.sql"
PARALLEL_SPENDING = "tests/database/test_parallel_spending.py"
PARALLEL_HOLDS = "tests/database/test_parallel_holds.py"
PARALLEL_PAYMENTS = "tests/database/test_parallel_payments.py"
OWN_ROWS = "tests/database/test_own_rows.py"
STATE_MACHINE = "tests/database/test_state_machine.py"

_IN_THE_UPDATE = "w.tokens - w.held >= debit.amount"
_BEFORE_IT = """(
  select b.tokens - b.held from public.token_wallets b where b.user_id = debit.user_id
) >= debit.amount"""

MUTANTS = (
    SqlMutant(
        "spend-checks-before-it-locks",
        "the balance is looked at under the wallet's lock",
        (
            Rewrite("coinslot.debit", _IN_THE_UPDATE, _BEFORE_IT),
            Rewrite(
                "coinslot.debit_slowly", "if v_wallet.tokens - v_wallet.held <", "if false and 0 <"
            ),
        ),
        (PARALLEL_SPENDING, STATE_MACHINE),
    ),
    SqlMutant(
        "wallet-not-locked",
        "whoever decides over a wallet has locked it",
        (Rewrite("coinslot.lock_wallet", "for update", ""),),
        (f"{PARALLEL_HOLDS}::test_holds_never_exceed_the_balance",),
    ),
    SqlMutant(
        "ledger-key-not-unique",
        "a key debits once",
        (
            Run("drop index public.token_ledger_idempotency"),
            Rewrite(
                "coinslot.debit",
                "on conflict (user_id, caller, idempotency_key)"
                " where idempotency_key is not null do nothing",
                "",
            ),
        ),
        (SPENDING, STATE_MACHINE),
    ),
    SqlMutant(
        "replay-pays-again",
        "what a repeated key made the wallet pay goes back",
        (
            Rewrite(
                "coinslot.debit",
                "set tokens = w.tokens + debit.amount, seq = w.seq - 1",
                "set tokens = w.tokens",
            ),
        ),
        (SPENDING,),
    ),
    SqlMutant(
        "reused-key-answers-anything",
        "one key is one call",
        (
            Rewrite(
                "coinslot.find_replay", "perform coinslot.fail('idempotency_key_reused');", "null;"
            ),
        ),
        (SPENDING, STATE_MACHINE),
    ),
    SqlMutant(
        "user-occupies-key-of-the-service",
        "a user cannot occupy a key of the service",
        (Rewrite("coinslot.find_replay", "and l.caller = attempted.caller", ""),),
        (SPENDING, HOLDS, STATE_MACHINE),
    ),
    SqlMutant(
        "negative-spend-mints",
        "an amount is at least 1",
        (Rewrite("coinslot.debit", "debit.amount between 1 and", "debit.amount between -99 and"),),
        (ARGUMENTS, SPENDING),
    ),
    SqlMutant(
        "null-user-is-somebody",
        "a null auth.uid() is a refusal",
        (Rewrite("coinslot.current_user_id", "if v_user_id is null", "if false"),),
        (OWN_ROWS,),
    ),
    SqlMutant(
        "hold-expires-by-sweep-only",
        "the clock ends a hold, swept or not",
        (
            Rewrite("coinslot.open_hold", "or v_hold.expires_at <= clock_timestamp()", ""),
            Rewrite("coinslot.capture_hold", "or v_hold.expires_at <= v_now", ""),
        ),
        (HOLDS,),
    ),
    SqlMutant(
        "expired-hold-counts",
        "an expired hold is available again before anybody sweeps it",
        (Rewrite("coinslot.available", "and h.expires_at > clock_timestamp()", ""),),
        (HOLDS,),
    ),
    SqlMutant(
        "hold-released-twice",
        "a hold ends once",
        (Rewrite("coinslot.open_hold", "v_hold.status <> 'held'", "v_hold.status = 'captured'"),),
        (HOLDS,),
    ),
    SqlMutant(
        "capture-more-than-held",
        "a capture takes at most what was held",
        (Rewrite("coinslot.capture_hold", "between 1 and v_hold.amount", "between 1 and 999"),),
        (HOLDS,),
    ),
    SqlMutant(
        "capture-frees-what-it-took",
        "the whole hold is freed, whatever part of it is captured",
        (Rewrite("coinslot.resolve_hold", "w.held - hold.amount", "w.held - v_hold.captured"),),
        (HOLDS,),
    ),
    SqlMutant(
        "hold-locked-before-its-wallet",
        "locks are taken wallet first, hold second",
        (
            Rewrite(
                "coinslot.lock_wallet_of_hold",
                "where h.id = lock_wallet_of_hold.hold_id and h.refund_id is null;",
                "where h.id = lock_wallet_of_hold.hold_id and h.refund_id is null for update;",
            ),
        ),
        (PARALLEL_HOLDS,),
    ),
    SqlMutant(
        "deleted-user-spends",
        "a closed wallet pays for nothing",
        (
            Rewrite("coinslot.check_open", "or wallet.closed_at is not null", ""),
            Rewrite("coinslot.debit", "and w.closed_at is null", ""),
        ),
        (SIGNUP, SPENDING, STATE_MACHINE),
    ),
    SqlMutant(
        "everybody-grants",
        "only the service adds tokens",
        (
            Run("grant execute on function coinslot.add_tokens to authenticated"),
            Run("grant execute on function public.add_tokens to authenticated"),
        ),
        (PRIVILEGES,),
    ),
    SqlMutant(
        "everybody-writes-wallets",
        "no role writes a table",
        (Run("grant update on public.token_wallets to authenticated"),),
        (PRIVILEGES,),
    ),
    SqlMutant(
        "everybody-reads-every-ledger",
        "people read their own rows",
        (Run('alter policy "People read their own ledger" on public.token_ledger using (true)'),),
        (OWN_ROWS,),
    ),
    SqlMutant(
        "payments-without-row-security",
        "people read their own rows",
        (Run("alter table public.token_payments disable row level security"),),
        (PRIVILEGES, OWN_ROWS),
    ),
    SqlMutant(
        "history-can-be-changed",
        "the ledger is append-only, for its owner too",
        (Run("drop trigger token_ledger_append_only on public.token_ledger"),),
        (PRIVILEGES, SPENDING, AUDIT),
    ),
    SqlMutant(
        "history-can-be-emptied",
        "the ledger is append-only, for its owner too",
        (Run("drop trigger token_ledger_no_truncate on public.token_ledger"),),
        (PRIVILEGES, SPENDING, AUDIT),
    ),
    SqlMutant(
        "anybody-cancels",
        "an order is its buyer's to cancel",
        (Rewrite("coinslot.cancel_order", "and p.user_id = v_user_id", ""),),
        (ORDERS,),
    ),
    SqlMutant(
        "orders-without-limit",
        "the cap on open orders holds also for calls at once",
        (
            Rewrite(
                "coinslot.create_order",
                "coinslot.lock_wallet(v_user_id)",
                "(select w from public.token_wallets w where w.user_id = v_user_id)",
            ),
        ),
        (f"{PARALLEL_PAYMENTS}::test_the_cap_on_open_orders_cannot_be_passed_by_asking_at_once",),
    ),
)
