"""The RPCs that this program calls, each once. `/ready` names those that a database lacks."""

from __future__ import annotations

from enum import StrEnum


class Rpc(StrEnum):
    """The name of an RPC in the schema `public`."""

    # orders and payments
    CREATE_ORDER = "create_token_order"
    CANCEL_ORDER = "cancel_token_order"
    OPEN_PAYMENT = "coinslot_open_payment"
    APPLY_GATEWAY_PAYMENT = "coinslot_apply_gateway_payment"
    REFUSE_PAYMENT_ATTEMPT = "coinslot_refuse_payment_attempt"
    GET_ATTEMPT_KEY = "coinslot_get_attempt_key"
    NOTE_INSTRUMENT = "coinslot_note_instrument"
    # webhooks
    STORE_WEBHOOK = "coinslot_store_webhook"
    FINISH_WEBHOOK = "coinslot_finish_webhook"
    CLAIM_WEBHOOKS = "coinslot_claim_webhooks"
    RETURN_WEBHOOKS = "coinslot_return_webhooks"
    LIST_WEBHOOKS = "coinslot_list_webhooks"
    REPLAY_WEBHOOKS = "coinslot_replay_webhooks"
    # refunds
    REQUEST_REFUND = "request_token_refund"
    REQUEST_REFUND_FOR = "request_token_refund_for"
    ACCEPT_REFUND_FOR = "accept_token_refund_for"
    CLAIM_REFUNDS = "coinslot_claim_refunds"
    RECORD_REFUND_ANSWER = "coinslot_record_refund_answer"
    CLOSE_REFUND = "coinslot_close_refund"
    GET_REFUND = "coinslot_get_refund"
    # operators
    ADD_OPERATOR = "coinslot_add_operator"
    REMOVE_OPERATOR = "coinslot_remove_operator"
    LIST_OPERATORS = "coinslot_list_operators"
    # going live
    GO_LIVE = "coinslot_go_live"
    # products
    SET_PRODUCT = "coinslot_set_product"
    REMOVE_PRODUCT = "coinslot_remove_product"
    LIST_PRODUCTS = "coinslot_list_products"
    VOID_ORDERS_FOR = "void_token_orders_for"
    # receipts and credit notes
    GET_DOCUMENT = "get_token_document"
    SET_SELLER = "coinslot_set_seller"
    # cash receipts
    REQUEST_CASH_RECEIPT = "request_token_cash_receipt"
    CLAIM_CASH_RECEIPTS = "coinslot_claim_cash_receipts"
    FINISH_CASH_RECEIPT = "coinslot_finish_cash_receipt"
    # a person's data
    EXPORT_USER = "coinslot_export_user"
    ERASE_USER = "coinslot_erase_user"
    # promotion codes
    SET_CODE = "coinslot_set_code"
    MAKE_CODES = "coinslot_make_codes"
    LIST_CODES = "coinslot_list_codes"
    # what servers have sealed
    LIST_SEALED = "coinslot_list_sealed"
    RESEAL = "coinslot_reseal"
    # endpoints of the app
    ADD_ENDPOINT = "coinslot_add_endpoint"
    ADD_ENDPOINT_AS_OWNER = "add_token_endpoint"
    ROTATE_ENDPOINT = "coinslot_rotate_endpoint"
    ROTATE_ENDPOINT_AS_OWNER = "rotate_token_endpoint"
    SET_ENDPOINT = "coinslot_set_endpoint"
    TEST_ENDPOINT = "coinslot_test_endpoint"
    REPLAY_ENDPOINT = "coinslot_replay_endpoint"
    LIST_ENDPOINTS = "coinslot_list_endpoints"
    LIST_DELIVERIES = "coinslot_list_deliveries"
    CLAIM_DELIVERIES = "coinslot_claim_deliveries"
    FINISH_DELIVERY = "coinslot_finish_delivery"
    # mail
    CLAIM_MAILS = "coinslot_claim_mails"
    FINISH_MAIL = "coinslot_finish_mail"
    REFUSE_MAIL = "coinslot_refuse_mail"
    # plans, stored methods, subscriptions
    BEGIN_METHOD = "begin_token_method"
    GET_METHOD = "get_token_method"
    EARLIER_METHOD = "coinslot_earlier_method"
    FINISH_METHOD = "coinslot_finish_method"
    CLAIM_FORGETS = "coinslot_claim_forgets"
    FINISH_FORGET = "coinslot_finish_forget"
    SUBSCRIBE = "subscribe_token_plan"
    LIST_SUBSCRIPTIONS = "list_token_subscriptions"
    GET_UNPAID_ORDER = "get_unpaid_token_order"
    CLAIM_CHARGES = "coinslot_claim_charges"
    FINISH_CHARGE = "coinslot_finish_charge"
    CLAIM_TOP_UPS = "coinslot_claim_top_ups"
    FINISH_TOP_UP = "coinslot_finish_top_up"
    LIST_PLANS = "coinslot_list_plans"
    SET_PLAN = "coinslot_set_plan"
    REMOVE_PLAN = "coinslot_remove_plan"
    PROPOSE_PRICE = "coinslot_propose_price"
    WITHDRAW_PRICE = "coinslot_withdraw_price"
    SET_UNATTENDED = "coinslot_set_unattended"
    # reconciler and audit
    RUN_MAINTENANCE = "coinslot_run_maintenance"
    CLAIM_PAYMENTS = "coinslot_claim_payments"
    RETURN_PAYMENTS = "coinslot_return_payments"
    CLAIM_CLOSINGS = "coinslot_claim_closings"
    FINISH_CLOSING = "coinslot_finish_closing"
    BEGIN_AUDIT = "coinslot_begin_audit"
    DUE_AUDITS = "coinslot_due_audits"
    AUDIT_OPEN = "coinslot_audit_open"
    AUDIT_PAYMENTS = "coinslot_audit_payments"
    AUDIT_UNLISTED = "coinslot_audit_unlisted"
    FINISH_AUDIT = "coinslot_finish_audit"
    AUDIT_REPORT = "coinslot_audit_report"
    # monitoring
    GET_SETTINGS = "coinslot_get_settings"
    GET_BACKLOG = "coinslot_get_backlog"
    CHECK_LEDGER = "coinslot_check_ledger"
    CHECK_INSTALLATION = "coinslot_check_installation"
    LIST_DISCREPANCIES = "coinslot_list_discrepancies"
    RESOLVE_DISCREPANCY = "coinslot_resolve_discrepancy"


NOT_REPEATABLE = frozenset(
    {
        # Claimed twice, work would wait for the lease of the first claim.
        *(Rpc.CLAIM_PAYMENTS, Rpc.CLAIM_REFUNDS, Rpc.CLAIM_WEBHOOKS, Rpc.CLAIM_CLOSINGS),
        *(Rpc.CLAIM_DELIVERIES, Rpc.CLAIM_MAILS, Rpc.BEGIN_AUDIT),
        *(Rpc.CLAIM_CHARGES, Rpc.CLAIM_TOP_UPS, Rpc.CLAIM_FORGETS, Rpc.BEGIN_METHOD),
        Rpc.CLAIM_CASH_RECEIPTS,
        # A second call leaves a second event.
        *(Rpc.REFUSE_PAYMENT_ATTEMPT, Rpc.TEST_ENDPOINT),
        # Without an idempotency key a second call makes a second order.
        Rpc.CREATE_ORDER,
        # A second call makes as many codes once more.
        Rpc.MAKE_CODES,
    }
)
"""Not called again where the first call may have been carried out."""
