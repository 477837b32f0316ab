"""The foot of the pages: the shop's own documents, and whom a buyer deals with."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from coinslot.text import seller_in

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINKS = {"terms": "terms", "refunds": "refunds", "privacy": "privacy", "support": "contact"}
_BUSINESS = ("name", "ceo", "registration", "mail_order", "address", "phone", "email")


def footer(config: Mapping[str, Any], words: Mapping[str, str], language: str = "ko") -> str:
    """Those of `links` and `business` that are set; nothing where none is."""
    given = config.get("links") or {}
    links = [
        f'<a class="{name}" href="{escape(given[name])}">{escape(words[word])}</a>'
        for name, word in _LINKS.items()
        if given.get(name)
    ]
    business = seller_in(config.get("business") or {}, language)
    told = [
        words.get(f"business.{name}", "{value}").replace("{value}", str(business[name]))
        for name in _BUSINESS
        if business.get(name)
    ]
    navigation = f"<nav>{''.join(links)}</nav>" if links else ""
    return navigation + escape(" · ".join(told))
