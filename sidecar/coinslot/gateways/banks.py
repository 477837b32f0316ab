"""Korean banks: by the three digits of their clearing code, and as people call them.

Payment companies write a bank in ways of their own. An operator may give any of them for a refund,
and each gateway's `banks.py` knows its own.
"""

BANKS = {
    "001": "한국은행",
    "002": "산업은행",
    "003": "기업은행",
    "004": "국민은행",
    "007": "수협은행",
    "011": "농협은행",
    "012": "지역농축협",
    "020": "우리은행",
    "023": "SC제일은행",
    "027": "한국씨티은행",
    "031": "iM뱅크",
    "032": "부산은행",
    "034": "광주은행",
    "035": "제주은행",
    "037": "전북은행",
    "039": "경남은행",
    "045": "새마을금고",
    "048": "신협",
    "050": "저축은행",
    "054": "HSBC은행",
    "055": "도이치은행",
    "057": "제이피모간체이스은행",
    "060": "BOA은행",
    "062": "중국공상은행",
    "063": "중국은행",
    "064": "산림조합",
    "067": "중국건설은행",
    "071": "우체국",
    "081": "하나은행",
    "088": "신한은행",
    "089": "케이뱅크",
    "090": "카카오뱅크",
    "092": "토스뱅크",
}


def digits(bank: str) -> str:
    """`88` and `088` are one bank; anything else stays as it is."""
    return bank.zfill(3) if bank.isdecimal() and len(bank) <= 3 else bank
