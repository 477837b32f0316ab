"""Bodies of gateways without what is personal or secret in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coinslot.gateways.money import LARGEST
from coinslot.text import storable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

# Longer than any id or status of a gateway.
_LONGEST = 300


def redacted(body: Mapping[str, Any], keep: Collection[str]) -> dict[str, Any]:
    """Of a webhook's body only the fields whose dotted paths are in `keep`, fit to be stored.

    `redacted(event, keep={"type", "data.object.id"})`; the elements of a list have its path.
    """
    kept: dict[str, Any] = {}
    for name, value in body.items():
        if name in keep:
            kept[name] = _scalar(value)
        elif isinstance(value, dict) and (deeper := _below(name, keep)):
            kept[name] = redacted(value, deeper)
        elif isinstance(value, list) and (deeper := _below(name, keep)):
            kept[name] = [redacted(each, deeper) for each in value[:20] if isinstance(each, dict)]
    return kept


def _below(name: str, keep: Collection[str]) -> set[str]:
    return {path.removeprefix(f"{name}.") for path in keep if path.startswith(f"{name}.")}


def _scalar(value: object) -> str | int | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= LARGEST:
        return value
    if isinstance(value, (dict, list)):
        return "…"
    return storable(str(value))[:_LONGEST]
