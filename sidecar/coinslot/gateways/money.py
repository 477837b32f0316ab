"""Minor units: the only form in which amounts exist outside a gateway's own messages."""

from __future__ import annotations

from decimal import Decimal

# 2^53 - 1, the largest amount in the database: what JavaScript counts exactly.
LARGEST = 9_007_199_254_740_991

# ISO 4217 currencies whose minor unit is not a hundredth.
EXPONENTS = dict.fromkeys(
    (
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND"),
        *("VUV", "XAF", "XOF", "XPF"),
    ),
    0,
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)


def exponent(currency: str) -> int:
    """Decimal places of a currency: 0 for KRW, 2 for USD, 3 for KWD."""
    return EXPONENTS.get(currency.upper(), 2)


def to_minor(amount: Decimal, currency: str) -> int:
    """`4.00` USD → 400, `5000` KRW → 5000. Raises `ValueError` for what no payment can be."""
    minor = amount.scaleb(exponent(currency))
    if not 0 <= minor <= LARGEST or minor != minor.to_integral_value():
        message = f"{amount} {currency} is not an amount in minor units"
        raise ValueError(message)
    return int(minor)


def to_major(amount: int, currency: str) -> Decimal:
    """400 USD → `4.00`, 5000 KRW → `5000`."""
    return Decimal(amount).scaleb(-exponent(currency))


def as_number(amount: int, currency: str) -> int | float:
    """Minor units as a JSON number of currency units: 5000 KRW → 5000, 18156 USD → 181.56."""
    major = to_major(amount, currency)
    return int(major) if major == major.to_integral_value() else float(major)
