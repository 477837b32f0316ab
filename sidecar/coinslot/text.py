"""Text of gateways, which may be anything."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def storable(text: str) -> str:
    """Without what Postgres cannot store: NUL, and half a character of JSON's `\\ud800` kind."""
    if text.isprintable():  # NUL and lone surrogates are not printable
        return text
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


Text = Annotated[str, AfterValidator(storable)]
"""A field of a gateway's message that is stored as it comes."""
