"""Toss Payments' error codes, each with its HTTP status and its sentence.

The list is Toss's own as far as it is published, and not complete. English sentences are ours, as
are those of codes without one here: rely on code and status alone.
"""

from __future__ import annotations


class TossError(Exception):
    """A refusal. Toss answers it as `{"code", "message"}` under the code's HTTP status."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


_BY_STATUS = {
    400: """
        ALREADY_PROCESSED_PAYMENT PROVIDER_ERROR EXCEED_MAX_CARD_INSTALLMENT_PLAN INVALID_REQUEST
        NOT_ALLOWED_POINT_USE INVALID_API_KEY INVALID_REJECT_CARD BELOW_MINIMUM_AMOUNT
        INVALID_CARD_EXPIRATION INVALID_STOPPED_CARD EXCEED_MAX_DAILY_PAYMENT_COUNT
        NOT_SUPPORTED_INSTALLMENT_PLAN_CARD_OR_MERCHANT INVALID_CARD_INSTALLMENT_PLAN
        NOT_SUPPORTED_MONTHLY_INSTALLMENT_PLAN EXCEED_MAX_PAYMENT_AMOUNT NOT_FOUND_TERMINAL_ID
        INVALID_AUTHORIZE_AUTH INVALID_CARD_LOST_OR_STOLEN RESTRICTED_TRANSFER_ACCOUNT
        INVALID_CARD_NUMBER INVALID_UNREGISTERED_SUBMALL NOT_REGISTERED_BUSINESS
        EXCEED_MAX_ONE_DAY_WITHDRAW_AMOUNT EXCEED_MAX_ONE_TIME_WITHDRAW_AMOUNT CARD_PROCESSING_ERROR
        EXCEED_MAX_AMOUNT INVALID_ACCOUNT_INFO_RE_REGISTER NOT_AVAILABLE_PAYMENT UNAPPROVED_ORDER_ID
        EXCEED_MAX_MONTHLY_PAYMENT_AMOUNT DUPLICATED_ORDER_ID ALREADY_CANCELED_PAYMENT
        INVALID_REFUND_ACCOUNT_INFO EXCEED_CANCEL_AMOUNT_DISCOUNT_AMOUNT
        INVALID_REFUND_ACCOUNT_NUMBER INVALID_BANK NOT_MATCHES_REFUNDABLE_AMOUNT REFUND_REJECTED
        ALREADY_REFUND_PAYMENT FORBIDDEN_BANK_REFUND_REQUEST INVALID_IDEMPOTENCY_KEY
        INVALID_TRANSACTION_KEY INVALID_DATE INVALID_BILLING_AUTH INVALID_BILL_KEY_REQUEST
        NOT_MATCHES_CUSTOMER_KEY INVALID_CUSTOMER_KEY ALREADY_REMOVED_BILLING_KEY
        DUPLICATED_CASH_RECEIPT INVALID_CASH_RECEIPT_INFO INVALID_BUSINESS_NUMBER BELOW_ZERO_AMOUNT
    """,
    401: "UNAUTHORIZED_KEY",
    403: """
        REJECT_ACCOUNT_PAYMENT REJECT_CARD_PAYMENT REJECT_CARD_COMPANY FORBIDDEN_REQUEST
        REJECT_TOSSPAY_INVALID_ACCOUNT EXCEED_MAX_AUTH_COUNT EXCEED_MAX_ONE_DAY_AMOUNT
        NOT_AVAILABLE_BANK INVALID_PASSWORD INCORRECT_BASIC_AUTH_FORMAT FDS_ERROR
        FORBIDDEN_CONSECUTIVE_REQUEST NOT_CANCELABLE_AMOUNT NOT_CANCELABLE_PAYMENT
        EXCEED_MAX_REFUND_DUE NOT_ALLOWED_PARTIAL_REFUND_WAITING_DEPOSIT NOT_ALLOWED_PARTIAL_REFUND
        NOT_CANCELABLE_PAYMENT_FOR_DORMANT_USER EXCEED_CANCEL_LIMIT
    """,
    404: "NOT_FOUND_PAYMENT NOT_FOUND_PAYMENT_SESSION NOT_FOUND NOT_FOUND_BILLING",
    409: "IDEMPOTENT_REQUEST_PROCESSING",
    500: """
        FAILED_PAYMENT_INTERNAL_SYSTEM_PROCESSING FAILED_INTERNAL_SYSTEM_PROCESSING
        UNKNOWN_PAYMENT_ERROR COMMON_ERROR FAILED_REFUND_PROCESS FAILED_METHOD_HANDLING_CANCEL
        FAILED_PARTIAL_REFUND
    """,
}
STATUSES = {code: status for status, codes in _BY_STATUS.items() for code in codes.split()}

_SENTENCES = {
    "ALREADY_PROCESSED_PAYMENT": (
        "이미 처리된 결제 입니다.",
        "This payment has been processed already.",
    ),
    "PROVIDER_ERROR": (
        "일시적인 오류가 발생했습니다. 잠시 후 다시 시도해주세요.",
        "A temporary error occurred. Please try again later.",
    ),
    "INVALID_REQUEST": ("잘못된 요청입니다.", "The request is not valid."),
    "UNAUTHORIZED_KEY": (
        "인증되지 않은 시크릿 키 혹은 클라이언트 키 입니다.",
        "The secret key or client key is not authorized.",
    ),
    "REJECT_CARD_COMPANY": (
        "결제 승인이 거절되었습니다.",
        "The card company declined the payment.",
    ),
    "REJECT_CARD_PAYMENT": (
        "한도초과 혹은 잔액부족으로 결제에 실패했습니다.",
        "The payment failed: over the limit or not enough balance.",
    ),
    "FORBIDDEN_REQUEST": ("허용되지 않은 요청입니다.", "The request is not allowed."),
    "NOT_FOUND_PAYMENT": ("존재하지 않는 결제 정보 입니다.", "There is no such payment."),
    "NOT_FOUND_PAYMENT_SESSION": (
        "결제 시간이 만료되어 결제 진행 데이터가 존재하지 않습니다.",
        "The time to pay has run out, and the payment in progress is gone.",
    ),
    "ALREADY_CANCELED_PAYMENT": (
        "이미 취소된 결제 입니다.",
        "This payment has been canceled already.",
    ),
    "NOT_CANCELABLE_AMOUNT": ("취소 할 수 없는 금액 입니다.", "This amount cannot be canceled."),
    "NOT_CANCELABLE_PAYMENT": ("취소 할 수 없는 결제 입니다.", "This payment cannot be canceled."),
    "NOT_MATCHES_REFUNDABLE_AMOUNT": (
        "잔액 결과가 일치하지 않습니다.",
        "The refundable amount does not match.",
    ),
}


def error_body(code: str, language: str) -> dict[str, str]:
    """The body of a refusal: in English for an Accept-Language that begins so, else in Korean."""
    korean, english = _SENTENCES.get(
        code, ("요청을 처리하지 못했습니다.", "The request could not be processed.")
    )
    return {"code": code, "message": english if language.lower().startswith("en") else korean}
