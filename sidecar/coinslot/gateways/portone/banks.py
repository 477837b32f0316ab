"""The names of banks in PortOne's V2 API, by clearing code."""

from __future__ import annotations

from coinslot.gateways.banks import BANKS, digits

NAMES = {
    "001": "BANK_OF_KOREA",
    "002": "KDB",
    "003": "IBK",
    "004": "KOOKMIN",
    "007": "SUHYUP",
    "011": "NONGHYUP",
    "012": "LOCAL_NONGHYUP",
    "020": "WOORI",
    "023": "STANDARD_CHARTERED",
    "027": "CITI",
    "031": "DAEGU",
    "032": "BUSAN",
    "034": "KWANGJU",
    "035": "JEJU",
    "037": "JEONBUK",
    "039": "KYONGNAM",
    "045": "KFCC",
    "048": "SHINHYUP",
    "050": "SAVINGS_BANK",
    "054": "HSBC",
    "055": "DEUTSCHE",
    "057": "JPMC",
    "060": "BANK_OF_AMERICA",
    "062": "ICBC",
    "063": "BANK_OF_CHINA",
    "064": "NFCF",
    "067": "CCB",
    "071": "POST",
    "081": "HANA",
    "088": "SHINHAN",
    "089": "K_BANK",
    "090": "KAKAO",
    "092": "TOSS",
}
_CODES = {name: code for code, name in NAMES.items()}


def spoken(bank: str | None) -> str | None:
    """The bank as people call it; PortOne's name of one that is not known here."""
    return BANKS.get(_CODES.get(bank or "", ""), bank)


def named(bank: str) -> str:
    """A bank as V2 takes it, given by its code or as it is."""
    return NAMES.get(digits(bank), bank)


def numbered(bank: str) -> str:
    """A bank as V1 takes it, by its clearing code, given by V2's name or as it is."""
    return _CODES.get(bank, bank)
