"""The parts of a gateway that the program puts together, and the check that none is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from coinslot.gateways.base import Gateway
from coinslot.settings.gateway import GatewaySettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from coinslot.gateways.browser import BrowserPart
    from coinslot.settings.deployment import Settings

S = TypeVar("S", bound=GatewaySettings)

_WANTED = [name for name in vars(Gateway) if not name.startswith("_")]


class IncompleteGatewayError(Exception):
    """A registered gateway lacks a part. `str()` names the gateway, the part and its place."""


@dataclass(frozen=True, slots=True)
class GatewayParts(Generic[S]):
    """One gateway: its settings, the adapter that they open, what a browser is told, and, where the
    address is known, the pages of a `live` and a `test` payment in its own console."""

    settings: type[S]
    open: Callable[[S, httpx.AsyncClient], Gateway]
    browser: Callable[[S], BrowserPart]
    payment_pages: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        return self.settings.gateway

    def opened(self, settings: Settings, client: httpx.AsyncClient) -> Gateway | None:
        """The gateway, None where it is off. Raises `IncompleteGatewayError`."""
        own = settings.of(self.settings)
        if not own.is_on:
            return None
        gateway = self.open(own, client)
        if missing := [name for name in _WANTED if not hasattr(gateway, name)]:
            message = (
                f"The gateway {self.name} has no {', '.join(missing)}, "
                "which coinslot/gateways/base.py wants of each"
            )
            raise IncompleteGatewayError(message)
        return gateway

    def in_browser(self, settings: Settings) -> BrowserPart:
        return self.browser(settings.of(self.settings))
