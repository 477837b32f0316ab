"""The deeds of the buyers, and the answers they got, as they would remember them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.support.gateways.driver import PlacedOrder

if TYPE_CHECKING:
    from tests.storm.plan import Purchase
    from tests.support.gateways.driver import GatewayDriver


@dataclass
class Bought:
    """One purchase. `driver` is the gateway whose window was opened, `keys` are the payments in it;
    `acknowledged` says that some 2xx called the order bought."""

    plan: Purchase
    user_id: str
    driver: GatewayDriver | None = None
    order_id: str = ""
    amount: int = 0
    keys: list[str] = field(default_factory=list)
    acknowledged: bool = False
    said: list[str] = field(default_factory=list)

    @property
    def gateway(self) -> str:
        """The simulator's name; empty without an order."""
        return self.driver.name if self.driver else ""

    @property
    def order(self) -> PlacedOrder:
        return PlacedOrder(self.order_id, self.amount, self.plan.currency, self.plan.card)


@dataclass(frozen=True)
class Spent:
    """Tokens asked for under a key. `said`: done, refused, or nothing that could be relied on."""

    user_id: str
    caller: str
    key: str
    tokens: int
    said: str


@dataclass(frozen=True)
class Refunded:
    """A refund that was taken on: 2xx, with this id and in this state."""

    order_id: str
    refund_id: str
    status: str


@dataclass
class Journal:
    bought: list[Bought] = field(default_factory=list)
    spent: list[Spent] = field(default_factory=list)
    refunded: list[Refunded] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Answers that may not be, whatever goes wrong: a bare 500, a forgery that was welcome."""

    def count(self, *what: object) -> None:
        self.counts[" ".join(map(str, what))] += 1

    def total(self, prefix: str) -> dict[str, int]:
        """The counts below a prefix, without it."""
        return {
            name.removeprefix(prefix).strip(): number
            for name, number in sorted(self.counts.items())
            if name.startswith(prefix)
        }

    def of_order(self, order_id: str) -> Bought | None:
        return next((each for each in self.bought if each.order_id == order_id), None)
