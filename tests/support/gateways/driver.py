"""One gateway as everybody outside of Coinslot meets it: the page, the buyer in the window, the
gateway's webhooks, and the gateway's own books. No line of it is shared with the adapters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

Json = dict[str, Any]
Call = tuple[str, Json | None]
"""Path and body of what a page posts; without a body it only looks."""


@dataclass(frozen=True)
class PlacedOrder:
    """An order as the page knows it. `amount` is in minor units; `card` is for Stripe alone."""

    order_id: str
    amount: int
    currency: str = "KRW"
    card: str = "pm_card_visa"


@dataclass(frozen=True)
class Money:
    """One payment, as its gateway has it: what came in, and what went out again."""

    order_id: str
    key: str
    paid: int
    returned: int
    currency: str

    @property
    def left(self) -> int:
        return self.paid - self.returned

    def tokens(self, tokens: int) -> int:
        """Of an order for so many: what the buyer is to have for the money that stayed, rounded in
        the buyer's favour; nothing where none stayed."""
        return tokens - (tokens * self.returned) // self.paid if self.left > 0 else 0


@dataclass(frozen=True)
class OpenRefund:
    """A refund that takes its time: the control that ends it, with `succeeded` or `failed` in
    `outcome`. One that may not fail is sent again by a person, so that failing is no end."""

    control: str
    outcome: str
    named: Json = field(default_factory=dict)
    may_fail: bool = True


class Simulators(Protocol):
    async def look(self, path: str, **headers: str) -> Json:
        """The JSON at an address below the simulators'."""
        ...


class GatewayDriver(ABC):
    """`name` is also the simulator's prefix, `gateway` what routes and database call it; `price` is
    what ten tokens cost, in minor units; `refund_path` is in the paths of its refunds. `distorted`
    is what the gateway would show of a payment that is not what was ordered, per kind."""

    name: ClassVar[str]
    gateway: ClassVar[str]
    price: ClassVar[int] = 5000
    refund_path: ClassVar[str] = "/cancel"
    distorted: ClassVar[dict[str, Json]]

    # ---- the page, and the buyer in the window ----

    @abstractmethod
    def ordering(self, product: str, currency: str = "KRW") -> tuple[str, Json]:
        """Path and body of an order."""

    def turn(self, order: PlacedOrder) -> Json:  # noqa: ARG002 - most windows know it
        """Fields of the buyer's turn in the window besides the order and its outcome."""
        return {}

    @abstractmethod
    def key(self, carried: Json) -> str:
        """The payment key among what the browser carries back; empty without one."""

    @abstractmethod
    def returning(self, order: PlacedOrder, key: str) -> Call:
        """The call of the page when the buyer is back."""

    def underpaid(self, order: PlacedOrder) -> Json:
        """A turn that pays a hundredth."""
        return {"amount": max(order.amount // 100, 1), "force": True}

    def again(self, order: PlacedOrder) -> Json | None:  # noqa: ARG002
        """A turn that pays the order once more; None where the gateway does not let it."""
        return None

    # ---- webhooks ----

    @abstractmethod
    def event(self, order_id: str, key: str, *, paid: bool) -> Json:
        """A webhook's body: the payment is paid, or canceled."""

    def signature(self, raw: bytes, *, ours: bool) -> dict[str, str]:  # noqa: ARG002 - some sign
        """Headers, by the gateway or by somebody else; most gateways sign nothing."""
        return {}

    # ---- the books ----

    async def payments(self, simulators: Simulators) -> list[Json]:
        found: list[Json] = (await simulators.look(f"{self.name}/_sim/payments"))["payments"]
        return found

    async def all_money(self, simulators: Simulators) -> list[Money]:
        """Every payment, whether it received money or not."""
        return [self.money(payment) for payment in await self.payments(simulators)]

    @abstractmethod
    def money(self, payment: Json) -> Money:
        """A payment as the books have it."""

    async def open_refunds(self, simulators: Simulators) -> list[OpenRefund]:  # noqa: ARG002
        """The refunds under way; none where they are done at once."""
        return []
