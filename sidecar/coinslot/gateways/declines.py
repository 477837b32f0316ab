"""The reasons for which a payment was declined, in our own words.

A gateway's codes are many, and its sentences are made for developers as often as for buyers. Each
gateway's `declines.py` says which of these reasons a code of its own means. A reason is stored as
its name, and told in the language of whoever reads it. What stands in no table is told with the
words of the buyer's bank, where a gateway has them.
"""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """One sentence for buyers, in the two languages of the store."""

    en: str
    ko: str


DECLINES: dict[str, Words] = {
    "declined": Words(
        "Your card issuer didn’t approve it.", "카드사에서 결제를 승인하지 않았어요."
    ),
    "limit_or_balance": Words("Check your limit or balance.", "한도나 잔액을 확인해 주세요."),
    "daily_limit": Words("Daily limit reached.", "하루 한도를 넘었어요."),
    "monthly_limit": Words("Monthly limit reached.", "한 달 한도를 넘었어요."),
    "amount_limit": Words(
        "This amount is over the limit for one payment.", "한 번에 결제할 수 있는 금액을 넘었어요."
    ),
    "amount_too_small": Words(
        "This amount is too small for this method.", "이 결제 수단으로 내기에는 금액이 적어요."
    ),
    "expired_card": Words("Check the expiry date.", "유효기간을 확인해 주세요."),
    "wrong_number": Words("Check the card number.", "카드번호를 확인해 주세요."),
    "wrong_cvc": Words("Check the security code.", "카드의 CVC 번호를 확인해 주세요."),
    "wrong_password": Words("Check the password.", "비밀번호를 확인해 주세요."),
    "card_not_usable": Words(
        "This card can’t be used here. Try another one.",
        "사용할 수 없는 카드예요. 다른 카드로 결제해 주세요.",
    ),
    "account_not_usable": Words(
        "Check the bank account, or pay another way.",
        "계좌를 확인하거나 다른 방법으로 결제해 주세요.",
    ),
    "bank_away": Words(
        "Your bank isn’t available right now. Try again later.",
        "지금은 은행을 이용할 수 없어요. 잠시 뒤에 다시 시도해 주세요.",
    ),
    "installments": Words(
        "This card doesn’t take these installments.", "이 카드로는 그 할부를 쓸 수 없어요."
    ),
    "authentication": Words(
        "Your bank couldn’t confirm it was you.", "본인 인증을 마치지 못했어요."
    ),
    "too_many_tries": Words(
        "Too many tries. Try again later.",
        "인증을 여러 번 시도했어요. 잠시 뒤에 다시 시도해 주세요.",
    ),
    "timed_out": Words(
        "The payment window timed out. Start again.",
        "결제 시간이 지났어요. 처음부터 다시 결제해 주세요.",
    ),
    "unavailable": Words(
        "This payment can’t be made right now. Pay another way.",
        "지금은 이 결제를 할 수 없어요. 다른 방법으로 결제해 주세요.",
    ),
}


def told(reason: str | None, language: str) -> str | None:
    """The stored reason as a buyer reads it: in our words, or the bank's as they are."""
    words = DECLINES.get(reason or "")
    if words is None:
        return reason
    return words.en if language == "en" else words.ko
