"""Stripe's minor units, which are not ISO 4217's for every currency (docs.stripe.com/currencies).

The catalogue counts in ISO minor units. Stripe takes ISK and UGX in hundredths that ISO does not
have, takes MGA without the ones that it has, and wants a three-decimal amount to end in 0.
"""

from __future__ import annotations

from coinslot.gateways.money import LARGEST, exponent

_ZERO_DECIMAL = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()  # noqa: SIM905
)
_THREE_DECIMAL = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))
_WHOLE_HUNDREDS = frozenset(("ISK", "UGX"))
_SCALE = (1, 10, 100, 1000)
# The least charge where a currency is also the one of the merchant's bank account, as Stripe has
# it. Of a foreign one Stripe converts first, and refuses itself what is too little.
_LEAST = {
    **dict.fromkeys(("USD", "AUD", "BRL", "CAD", "CHF", "EUR", "INR", "JPY", "NZD", "SGD"), 50),
    "AED": 200,
    "BGN": 100,
    "CZK": 1500,
    "DKK": 250,
    "GBP": 30,
    "HKD": 400,
    "HUF": 17500,
    "MXN": 1000,
    "MYR": 200,
    "NOK": 300,
    "PLN": 200,
    "RON": 200,
    "SEK": 300,
    "THB": 1000,
}
_MOST_DIGITS = {"IDR": 12}


def amounts(_method: str, currency: str) -> tuple[int | None, int]:
    """The least and the most of one charge, in ISO minor units: 8 digits as Stripe is sent them."""
    most = 10 ** _MOST_DIGITS.get(currency, 8) - 1
    sent, counted = _stripe_exponent(currency), exponent(currency)
    return _LEAST.get(currency), most * _SCALE[counted] // _SCALE[sent]


def to_stripe(amount: int, currency: str) -> int:
    """ISO minor units → what Stripe is sent. Raises `ValueError` for what it cannot charge."""
    currency = currency.upper()
    sent = _rescaled(amount, exponent(currency), _stripe_exponent(currency))
    if currency in _THREE_DECIMAL and sent % 10:
        message = f"{amount} {currency}: the last of three decimals must be 0"
        raise ValueError(message)
    return sent


def from_stripe(amount: int, currency: str) -> int:
    """An amount as Stripe shows it → ISO minor units. Raises `ValueError` for what is none."""
    currency = currency.upper()
    if currency in _WHOLE_HUNDREDS and amount % 100:
        message = f"{amount} {currency} is not a multiple of 100"
        raise ValueError(message)
    return _rescaled(amount, _stripe_exponent(currency), exponent(currency))


def _stripe_exponent(currency: str) -> int:
    if currency in _ZERO_DECIMAL:
        return 0
    return 3 if currency in _THREE_DECIMAL else 2


def _rescaled(amount: int, before: int, after: int) -> int:
    numerator, denominator = amount * _SCALE[after], _SCALE[before]
    if not 0 <= numerator <= LARGEST * denominator or numerator % denominator:
        message = f"{amount} with {before} decimals is no amount with {after}"
        raise ValueError(message)
    return numerator // denominator
