"""Channels at PortOne: contracts with payment companies, some of them for one way to pay each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def channels(entries: Iterable[str]) -> dict[str, str]:
    """`kakaopay=channel-key-…`, as the settings list them: the key of each way to pay."""
    split = (entry.partition("=") for entry in entries)
    return {method: key for method, _, key in split}
