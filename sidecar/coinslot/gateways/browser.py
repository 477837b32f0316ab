"""A gateway as a browser sees it: the offer to a store, and the scripts that pages load."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Script:
    """A gateway's own script.

    `name` is its key in `sdk` of `/store/config`. `sources` is what it needs in the pages' content
    policy beside its own origin, by directive. `used` is False where no page loads it.
    """

    name: str
    address: str
    used: bool
    sources: Mapping[str, Sequence[str]] = field(default_factory=dict)


def _any_amount(method: str, currency: str) -> tuple[None, None]:  # noqa: ARG001
    return None, None


@dataclass(frozen=True, slots=True)
class BrowserPart:
    """One gateway, to a browser. All of it is public.

    `offer` is what a store has to know to sell through it, None while the gateway is off. `inline`
    names the ways to pay that need no window, but a place in the store's page, with the kind of it.
    `amounts` is the least and the most that it charges at once, in minor units, by way to pay and
    currency; None where there is no such bound.
    """

    offer: Mapping[str, Any] | None
    scripts: Sequence[Script]
    inline: Mapping[str, str] = field(default_factory=dict)
    amounts: Callable[[str, str], tuple[int | None, int | None]] = _any_amount
