"""The ways to pay by Toss's names for them, and the cards by its codes for who issues them."""

from __future__ import annotations

from coinslot.gateways.paid_card import PaidCard, fields_of, paid_card

# Toss names instruments in Korean, whatever the language of the call.
_METHODS = {
    "카드": "card",
    "가상계좌": "virtual_account",
    "간편결제": "easy_pay",
    "휴대폰": "mobile",
    "계좌이체": "transfer",
    "문화상품권": "culture_gift_certificate",
    "도서문화상품권": "book_gift_certificate",
    "게임문화상품권": "game_gift_certificate",
}
# Of easy pay, the company by which the buyer knows it.
_EASY_PAYS = {"카카오페이": "kakaopay", "네이버페이": "naverpay", "토스페이": "tosspay"}
_ISSUERS = {
    "11": "국민",
    "15": "카카오뱅크",
    "21": "하나",
    "24": "토스뱅크",
    "30": "산업",
    "31": "BC",
    "33": "우리BC",
    "34": "수협",
    "35": "전북",
    "36": "씨티",
    "37": "우체국",
    "38": "새마을",
    "39": "저축",
    "3A": "케이뱅크",
    "3C": "유니온페이",
    "3K": "기업BC",
    "41": "신한",
    "42": "제주",
    "46": "광주",
    "4J": "JCB",
    "4M": "마스터",
    "4V": "비자",
    "51": "삼성",
    "61": "현대",
    "62": "신협",
    "6D": "다이너스",
    "71": "롯데",
    "7A": "아멕스",
    "91": "농협",
    "W1": "우리",
}


def method_of(name: str | None, company: str | None) -> str | None:
    """Of easy pay, the company where it is known."""
    return _EASY_PAYS.get(company or "") or _METHODS.get(name or "", name)


def card_of(told: object) -> PaidCard | None:
    """Of a payment's `card`, whatever it is."""
    card = fields_of(told)
    issuer = _ISSUERS.get(str(card.get("issuerCode")))
    return paid_card(issuer, card.get("number"), card.get("approveNo"))
