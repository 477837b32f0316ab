"""One gateway's settings: its keys, its addresses, its time-out, and what is wrong with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from pydantic import model_validator

from coinslot.settings.fields import exposed, short_secrets
from coinslot.settings.shared import SharedSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


class GatewaySettings(SharedSettings, ABC):
    """All that one gateway has to be told. Its class is a line in `coinslot.settings.registry`."""

    gateway: ClassVar[str]
    """Its name, as in the table `coinslot.gateways`."""

    @property
    @abstractmethod
    def is_on(self) -> bool:
        """True where all of its keys are set."""

    @abstractmethod
    def addresses(self) -> Mapping[str, str]:
        """The addresses of its API and of its browser script, by the setting's name."""

    @abstractmethod
    def key_problems(self) -> list[str]:
        """One sentence for each thing that is wrong with its keys."""

    currencies: ClassVar[frozenset[str] | None] = None
    """The currencies that it sells in; None = any."""

    @property
    def takes(self) -> tuple[str, ...]:
        """The ways to pay that it has a window for, of those in `coinslot.settings.methods`."""
        return ("card",)

    def sells_in(self, currency: str) -> bool:
        return self.currencies is None or currency in self.currencies

    @property
    def methods(self) -> list[str]:
        """The ways to pay that a store offers through it unless `COINSLOT_METHODS` says so."""
        return ["card", *(["virtual_account"] if self.coinslot_virtual_accounts else [])]

    def seconds(self, own: float | None) -> float:
        """The time-out of a call: the gateway's own, else the one that holds for all of them."""
        return self.coinslot_gateway_timeout if own is None else own

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*self.key_problems(), *short_secrets(self)]
        if self.live:
            for name, address in self.addresses().items():
                problems += exposed(name, address)
        if problems:
            raise ValueError("\n".join(problems))
        return self


def half_given(
    title: str, needed: Mapping[str, object], besides: Mapping[str, object] | None = None
) -> list[str]:
    """A sentence where some of the needed keys are set and others are not.

    `besides` are settings that make no sense without those keys.
    """
    missing = [name for name, value in needed.items() if not value]
    given = any({**needed, **(besides or {})}.values())
    if not missing or not given:
        return []
    return [f"{', '.join(missing)} not set: set all of {title}'s keys, or none to turn it off"]


def given(value: T | None) -> T:
    """A key of a gateway that is on, and so has it."""
    if value is None:
        raise ValueError("asked for a key of a gateway that is off")
    return value
