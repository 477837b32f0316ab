"""The RPCs that this program calls, each once. `/ready` names those that a database lacks."""

from __future__ import annotations

from enum import StrEnum


class Rpc(StrEnum):
    """The name of an RPC in the schema `public`."""

    # orders and payments
    CREATE_ORDER = "create_order"
    OPEN_PAYMENT = "open_payment"
    APPLY_GATEWAY_PAYMENT = "apply_gateway_payment"
    REFUSE_PAYMENT_ATTEMPT = "refuse_payment_attempt"
    # webhooks
    STORE_WEBHOOK = "store_webhook"
    FINISH_WEBHOOK = "finish_webhook"
    CLAIM_WEBHOOKS = "claim_webhooks"
    RETURN_WEBHOOKS = "return_webhooks"
    LIST_WEBHOOKS = "list_webhooks"
    REPLAY_WEBHOOKS = "replay_webhooks"
    # refunds
    REQUEST_REFUND = "request_refund"
    REQUEST_REFUND_FOR = "request_refund_for"
    CLAIM_REFUNDS = "claim_refunds"
    RECORD_REFUND_ANSWER = "record_refund_answer"
    CLOSE_REFUND = "close_refund"
    GET_REFUND = "get_refund"
    # operators
    ADD_OPERATOR = "coinslot_add_operator"
    REMOVE_OPERATOR = "coinslot_remove_operator"
    LIST_OPERATORS = "coinslot_list_operators"
    # reconciler and audit
    RUN_MAINTENANCE = "run_maintenance"
    CLAIM_PAYMENTS = "claim_payments"
    RETURN_PAYMENTS = "return_payments"
    BEGIN_AUDIT = "begin_audit"
    AUDIT_PAYMENTS = "audit_payments"
    AUDIT_UNLISTED = "audit_unlisted"
    FINISH_AUDIT = "finish_audit"
    AUDIT_REPORT = "audit_report"
    # monitoring
    GET_SETTINGS = "get_settings"
    GET_BACKLOG = "get_backlog"
    CHECK_LEDGER = "check_ledger"
    LIST_DISCREPANCIES = "list_discrepancies"
    RESOLVE_DISCREPANCY = "resolve_discrepancy"


NOT_REPEATABLE = frozenset(
    {
        # Claimed twice, work would wait for the lease of the first claim.
        *(Rpc.CLAIM_PAYMENTS, Rpc.CLAIM_REFUNDS, Rpc.CLAIM_WEBHOOKS, Rpc.BEGIN_AUDIT),
        # A second call leaves a second event.
        Rpc.REFUSE_PAYMENT_ATTEMPT,
        # Without an idempotency key a second call makes a second order.
        Rpc.CREATE_ORDER,
    }
)
"""Not called again where the first call may have been carried out."""
