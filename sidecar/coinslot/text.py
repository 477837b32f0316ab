"""Text of others, which may be anything."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

if TYPE_CHECKING:
    from collections.abc import Mapping

_LINK = re.compile(r"https://[\x21-\x7e]{1,2000}")
_HALVES = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """A gateway's text without what Postgres cannot store (NUL, and half a character of JSON's
    `\\ud800` kind), and without what steers the terminal of whoever reads it. Nothing else is lost.
    """
    if text.isprintable():  # neither are these printable
        return text
    whole = text.encode("utf-8", "replace").decode().replace("\x00", "")
    return "".join(" " if unicodedata.category(each) == "Cc" else each for each in whole)


def is_link(text: str | None) -> bool:
    """True for an https address that may be followed from a page."""
    return text is not None and bool(_LINK.fullmatch(text))


def shown(text: str, keep: str = "") -> str:
    """Any text on one line, as a terminal may get it: what is not printable as an escape. What is
    in `keep` stays."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in keep else each.encode("unicode_escape").decode()
        for each in text
    )


def is_whole(text: str) -> bool:
    """False for what Postgres cannot store."""
    return "\x00" not in text and (text.isascii() or not _HALVES.search(text))


Text = Annotated[str, AfterValidator(storable)]
"""A field of a gateway's message that is stored as it comes."""


def seller_in(business: Mapping[str, str], language: str) -> dict[str, str]:
    """The seller's details for those who read that language: in English those that have an English
    form, and the others as they are."""
    if language != "en":
        return dict(business)
    return {name: business.get(f"{name}_en") or value for name, value in business.items()}
