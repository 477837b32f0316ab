"""The codes of banks at Toss (docs.tosspayments.com/codes/org-codes): two digits, with exceptions.

Toss writes most banks with the last two digits of their clearing code.
"""

from __future__ import annotations

from coinslot.gateways.banks import BANKS

# Toss's own, beside the clearing code that it stands for.
_OWN = {"06": "004"}
_CODES = {own: code for code in BANKS if (own := code[1:]) != "04"} | _OWN
_TOSS = {code: own for own, code in _CODES.items()}


def spoken(bank: str | None) -> str | None:
    """The bank as people call it; Toss's code of one that is not known here."""
    return BANKS.get(_CODES.get(bank or "", ""), bank)


def coded(bank: str) -> str:
    """A bank as Toss takes it, given by its clearing code or as it is."""
    return _TOSS.get(bank, bank)
