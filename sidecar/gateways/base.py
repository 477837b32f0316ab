"""What every gateway does for the sidecar, and the fact it brings back.

A gateway opens an order for payment, reads a payment, and understands its own webhooks. It decides
nothing: what a read said goes to the database as a `GatewayPayment`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

State = Literal["ready", "awaiting_deposit", "paid", "failed", "canceled"]


@dataclass(frozen=True, slots=True)
class VirtualAccount:
    """Where the buyer sends the money; `due_at` is ISO 8601, UTC."""

    bank: str | None
    account_number: str
    holder: str | None
    due_at: str | None


@dataclass(frozen=True, slots=True)
class GatewayPayment:
    """One fresh read of one payment. Amounts are minor units and totals so far, never steps.

    `paid` is what was received at any time: a fully cancelled payment that had been paid keeps it,
    with `refunded` beside it. `paid + discount` equals `amount` for a payment that was made.
    """

    order_id: str
    payment_key: str
    state: State
    amount: int
    currency: str
    live: bool
    paid: int = 0
    discount: int = 0
    refunded: int = 0
    disputed: int = 0
    withdrawn: int = 0
    method: str | None = None
    failure_reason: str | None = None
    virtual_account: VirtualAccount | None = None

    def arguments(self) -> dict[str, Any]:
        """The parameters of `apply_gateway_payment` that come from the gateway."""
        fact = asdict(self)
        del fact["order_id"]
        return fact


@dataclass(frozen=True, slots=True)
class Order:
    """What a gateway needs to know of an order to open it for payment."""

    order_id: str
    name: str
    amount: int
    currency: str


@dataclass(frozen=True, slots=True)
class WebhookHint:
    """What a webhook claims: which payment to read again, and whether it should be found paid."""

    order_id: str
    payment_key: str
    claims_paid: bool


class Gateway(Protocol):
    """One payment gateway.

    Every call raises `GatewayTimeout` or `GatewayUnavailable` where the answer is unknown. Neither
    says anything about the payment.
    """

    @property
    def name(self) -> str:
        """As in `coinslot.gateways`."""

    def check_key(self, payment_key: str) -> None:
        """Raises `InvalidPaymentKey` for what cannot be one of this gateway's ids."""

    async def prepare(self, order: Order) -> Mapping[str, Any]:
        """Make the order payable; returns what the browser needs besides the order itself."""

    async def read(self, payment_key: str) -> GatewayPayment:
        """Ask the gateway. Raises `PaymentUnknownAtGateway`, `InvalidPaymentKey`."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookHint | None:
        """None for an event that is not about a payment. Raises `InvalidRequest`."""
