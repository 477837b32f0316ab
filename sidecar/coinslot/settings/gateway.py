"""One gateway's settings: its keys, its addresses, its time-out, and what is wrong with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from pydantic import model_validator

from coinslot.settings.fields import exposed, secrets_in, short_secrets, unclean
from coinslot.settings.shared import SharedSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


class GatewaySettings(SharedSettings, ABC):
    """All that one gateway has to be told. Its class is a line in `coinslot.settings.registry`."""

    gateway: ClassVar[str]
    """Its name, as in the table `coinslot.gateways`."""

    currencies: ClassVar[frozenset[str] | None] = None
    """The currencies that it sells in; None = any."""

    wanted_events: ClassVar[frozenset[str]] = frozenset()
    """The types of events that its webhook has to bring; empty where there is no choice."""

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

    @property
    def takes(self) -> tuple[str, ...]:
        """The ways to pay that it has a window for, of those in `coinslot.settings.methods`."""
        return ("card",)

    @property
    def stores_methods(self) -> bool:
        """True where its keys can store a method of a buyer's and charge it later."""
        return False

    @property
    def issues_cash_receipts(self) -> bool:
        """True where it tells Korea's tax office of deposits and transfers."""
        return False

    def sells_in(self, currency: str) -> bool:
        return self.currencies is None or currency in self.currencies

    def api_addresses(self) -> dict[str, str]:
        """The addresses that this program calls with the keys that are set."""
        return {name: url for name, url in self.addresses().items() if name.endswith("_API_URL")}

    def probes(self) -> dict[str, str | None]:
        """The names of the settings that hold a key, and the payment key of a read that needs it.

        The read finds nothing. None reads by the order alone.
        """
        return {", ".join(name.upper() for name in self._secrets(webhook=False)): None}

    def missing_webhook_secrets(self) -> list[str]:
        """The settings without which signed webhooks are refused here."""
        return [name.upper() for name in self._secrets(webhook=True) if not getattr(self, name)]

    def _secrets(self, *, webhook: bool) -> list[str]:
        held = {name for name, _ in secrets_in(self)}
        asked = {name for name in type(self).model_fields if "_webhook_secret" in name}
        return sorted(asked) if webhook else sorted(held - asked)

    @property
    def methods(self) -> list[str]:
        """The ways to pay that a store offers through it unless `COINSLOT_METHODS` says so."""
        return ["card", *(["virtual_account"] if self.coinslot_virtual_accounts else [])]

    def seconds(self, own: float | None) -> float:
        """The time-out of a call: the gateway's own, else the one that holds for all of them."""
        return self.coinslot_gateway_timeout if own is None else own

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*(unclean(self) or self.key_problems()), *short_secrets(self)]
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
