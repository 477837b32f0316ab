"""The packs as markup, in the form that the store's script gives them as well.

A person reads the prices before any script has run; what they press, the script answers.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from coinslot.gateways.money import exponent, to_major
from coinslot.routes.page_words import said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coinslot.database.records import Offer

_HOME = {"ko": "KRW", "en": "USD"}
# As browsers write them, narrowly; any other by its code.
_SYMBOLS = {"KRW": "₩", "USD": "$", "EUR": "€", "JPY": "¥", "GBP": "£"}


def packs(offers: Sequence[Offer] | None, language: str) -> str:
    """Those that a person who has chosen nothing yet is shown; nothing where there are none."""
    sold = [each for each in offers or () if each.kind == "token_pack"]
    currencies = sorted({each.currency for each in sold})
    home = _HOME[language] if _HOME[language] in currencies else "".join(currencies[:1])
    shown = [_pack(each, language) for each in sold if each.currency == home]
    if not shown:
        return ""
    legend = escape(said(language)["store.packs"])
    return (
        '<div class="checkout"><div class="choices"><fieldset class="packs">'
        f'<legend class="unseen">{legend}</legend>'
        f"{''.join(shown)}</fieldset></div></div>"
    )


def _pack(offer: Offer, language: str) -> str:
    words = said(language)
    name = offer.name_ko if language == "ko" and offer.name_ko else offer.name
    title = words["token" if offer.tokens == 1 else "tokens"].format(count=f"{offer.tokens:,}")
    each = words["store.each"].format(price=money(_each(offer), offer.currency, language))
    if offer.discount_percent:
        save = escape(words["store.save"].format(percent=offer.discount_percent))
        each = f'{escape(each)} · <b class="off">{save}</b>'
    else:
        each = escape(each)
    return (
        '<label class="pack"><input type="radio" name="pack" disabled>'
        f'<span class="title">{escape(title)}</span>'
        f'<span class="price">{escape(money(offer.amount, offer.currency, language))}</span>'
        f'<span class="name"><bdi>{escape(name)}</bdi></span>'
        f'<span class="each">{each}</span></label>'
    )


def _each(offer: Offer) -> int:
    """Half a unit is rounded up, as scripts do."""
    return (2 * offer.amount + offer.tokens) // (2 * offer.tokens)


def money(amount: int, currency: str, language: str) -> str:
    """5000 KRW → "₩5,000", in Korean "5,000원"; 960 USD → "$9.60"."""
    figure = f"{to_major(amount, currency):,.{exponent(currency)}f}"
    if (currency, language) == ("KRW", "ko"):
        return f"{figure}원"
    symbol = _SYMBOLS.get(currency)
    return f"{symbol}{figure}" if symbol else f"{currency}\u00a0{figure}"
