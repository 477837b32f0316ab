"""The card that a payment was made with, as far as a receipt shows it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coinslot.text import storable

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN = 4
_LONGEST_NAME = 40
_APPROVAL = re.compile(r"[0-9A-Za-z-]{1,20}")


@dataclass(frozen=True, slots=True)
class PaidCard:
    """`last_four` are the last places of the number; a star is one that the gateway does not tell.
    `approval` is the number that the card's company gave for the payment."""

    brand: str | None = None
    last_four: str | None = None
    approval: str | None = None


def paid_card(brand: object, number: object, approval: object = None) -> PaidCard | None:
    """None where nothing is told. Of a number, masked by the gateway or not, no more is kept than
    its last four places. Nothing is decided by a card: what is no text is left out."""
    places = re.sub(r"[^0-9]", "*", re.sub(r"[\s-]", "", _text(number)))[-_SHOWN:]
    found = PaidCard(
        brand=storable(_text(brand)).strip()[:_LONGEST_NAME] or None,
        last_four=places if len(places) == _SHOWN and places.strip("*") else None,
        approval=_text(approval) if _APPROVAL.fullmatch(_text(approval)) else None,
    )
    return found if found != PaidCard() else None


def fields_of(told: object) -> Mapping[str, Any]:
    """The fields of an object of a gateway's; none of what is no object."""
    return told if isinstance(told, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
