"""The interface of a gateway, and the facts that it brings back.

A gateway opens an order for payment, reads a payment, gives money back, and understands its own
webhooks. It chooses no state: a read is handed to the database as a `GatewayPayment`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, Protocol

from coinslot.errors import GatewayOff, NothingToConfirm
from coinslot.gateways.paid_card import PaidCard
from coinslot.text import storable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from coinslot.gateways.billing import Billing
    from coinslot.gateways.cash_receipts import CashReceiptIssuer
    from coinslot.gateways.listing import ListedPage

# Characters of a refund's reason: the most that any gateway surely takes.
LONGEST_REASON = 200

# An order that nobody has, for a read that is to find nothing.
NOBODYS_ORDER = f"ord_{0:032x}"

State = Literal["ready", "awaiting_deposit", "paid", "failed", "canceled"]


@dataclass(frozen=True, slots=True)
class VirtualAccount:
    """The account that the buyer sends the money to; `due_at` is ISO 8601, UTC."""

    bank: str | None
    account_number: str
    holder: str | None
    due_at: str | None


@dataclass(frozen=True, slots=True)
class GatewayPayment:
    """One fresh read of one payment. Amounts are minor units and totals so far, never steps.

    `paid` is the money that was received at any time: a fully cancelled payment that had been paid
    keeps it, with `refunded` beside it. Where points, coupons and promotions are part of a
    payment's total, `paid` is that total: the gateway approved all of it. `refunded` is back for
    good; `refunding` is on its way back and may yet fail. `disputed` is contested and undecided;
    `withdrawn` is what the bank has taken back. Tokens follow `refunded` and `withdrawn` together.
    `taken_at` is when the buyer paid, ISO 8601, UTC, by the gateway's clock; None where that is not
    said. `order_id` is empty where the payment names none. `secret` is the text that this payment's
    webhooks must carry, at gateways that do not sign: it goes to the database and nowhere else.
    """

    order_id: str
    payment_key: str
    state: State
    amount: int
    currency: str
    live: bool
    paid: int = 0
    refunded: int = 0
    refunding: int = 0
    disputed: int = 0
    withdrawn: int = 0
    method: str | None = None
    failure_reason: str | None = None
    virtual_account: VirtualAccount | None = None
    taken_at: str | None = field(default=None, compare=False)
    secret: str | None = field(default=None, repr=False)
    # Of the money that it holds now, where the gateway splits it; both or neither.
    vat: int | None = field(default=None, compare=False)
    tax_free: int | None = field(default=None, compare=False)
    card: PaidCard | None = field(default=None, compare=False)
    # The gateway's own code for a failure whose reason is its own sentence. Never stored.
    failure_code: str | None = field(default=None, compare=False)
    # The address of the gateway's own receipt. Never stored: it may give the buyer away.
    receipt: str | None = field(default=None, compare=False, repr=False)
    # The same for the same card, whoever has it. Only its hash is stored, apart.
    fingerprint: str | None = field(default=None, compare=False, repr=False)
    # Of the gateway's own object, the fields that a page may be given. Never stored.
    shown: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def arguments(self) -> dict[str, Any]:
        """The parameters of `coinslot_apply_gateway_payment` that come from the gateway."""
        fact = {name: _fit(getattr(self, name)) for name in _ARGUMENTS}
        if self.virtual_account is not None:
            account = asdict(self.virtual_account)
            fact["virtual_account"] = {name: _fit(value) for name, value in account.items()}
        if self.card is not None:
            fact["card"] = asdict(self.card)
        return fact


_NOT_STORED = {"order_id", "failure_code", "receipt", "fingerprint", "shown"}
_ARGUMENTS = tuple(each.name for each in fields(GatewayPayment) if each.name not in _NOT_STORED)


@dataclass(frozen=True, slots=True)
class Order:
    """An order, as far as a gateway needs it to open it for payment."""

    order_id: str
    name: str
    amount: int
    currency: str
    # The language of the gateway's messages to the buyer: ko or en.
    language: str = "ko"
    # The latest payment that is known of it, at a gateway that makes one with the order.
    payment_key: str | None = None
    # The latest that a deposit may be due.
    deposit_until: datetime | None = None
    # The way to pay that the buyer chose, of those in `coinslot.settings.methods`.
    method: str | None = None
    name_ko: str | None = None

    @property
    def spoken_name(self) -> str:
        """The product's name in the buyer's language."""
        return self.name_ko or self.name if self.language == "ko" else self.name


@dataclass(frozen=True, slots=True)
class Prepared:
    """`browser` is everything that the page needs to open the payment, besides the order itself.
    `attempt` is the payment, at a gateway that makes it together with the order."""

    browser: Mapping[str, Any]
    attempt: GatewayPayment | None = None


@dataclass(frozen=True, slots=True)
class RefundAccount:
    """The account that a deposit's money goes back to: the bank by its clearing code or as the
    gateway writes it, digits, the holder's name, and the phone number that some payment companies
    ask for. Personal: kept until the refund is over, shown to nobody but the gateway."""

    bank: str
    account_number: str = field(repr=False)
    holder: str = field(repr=False)
    phone: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Refund:
    """The money to give back of one payment, in minor units.

    `refundable` is the money that the payment was last known to hold before this refund was first
    asked for. A gateway that can compare it refuses when it is another, so that a refund asked for
    twice happens once. All tries have `id` in common. `key` is the idempotency key of this try: the
    same for as long as its outcome is unknown. Between 16 and 64 characters of `[A-Za-z0-9_-]`.
    """

    order_id: str
    payment_key: str
    amount: int
    refundable: int
    currency: str
    reason: str
    id: str
    key: str
    account: RefundAccount | None = None


_LONGEST_TYPE = 100


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A webhook's claim: the payment to read again, and whether it should be found paid.

    `event_id` is the gateway's id of a signed event; an unsigned one has none, since anybody could
    have sent it. `secret` is the text that the event gives as the payment's own. `warning` is why
    the gateway thinks that the payment is fraud, which a person is told.
    `headers` and `body` are for people who look into it later: without signatures, secrets and
    personal data.
    """

    event_type: str
    order_id: str | None
    payment_key: str | None
    claims_paid: bool
    event_id: str | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    secret: str | None = field(default=None, repr=False)
    warning: str | None = None

    def arguments(self) -> dict[str, Any]:
        """The parameters of `coinslot_store_webhook` that come from the webhook, fit for it."""
        claimed = {each.name: _fit(getattr(self, each.name)) for each in fields(self)}
        kind = claimed["event_type"][:_LONGEST_TYPE]
        return {**claimed, "event_type": kind, "headers": {**self.headers}, "body": {**self.body}}


def _fit(value: object) -> Any:  # noqa: ANN401 - of any field
    return storable(value) if isinstance(value, str) else value


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

    @property
    def currencies(self) -> frozenset[str] | None:
        """The currencies that it sells in, as in `coinslot.gateways`; None = any."""

    @property
    def billing(self) -> Billing | None:
        """Its stored methods; None where it has none."""

    @property
    def cash_receipts(self) -> CashReceiptIssuer | None:
        """Its cash receipts; None where it issues none."""

    async def prepare(self, order: Order) -> Prepared:
        """Make the order payable. Repeating it for the same order must be harmless, however much
        later."""

    async def read(self, order_id: str | None, payment_key: str | None) -> GatewayPayment:
        """Ask the gateway; at least one of the ids is given. By the key where it is known.

        Raises `PaymentUnknownAtGateway`, `InvalidPaymentKey`.
        """

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        """None for an event that is not about a payment. Header names are case-insensitive.

        Raises `InvalidSignature`, `InvalidRequest`, and `GatewayOff` where webhooks are signed and
        no secret is set to check them with.
        """

    async def refund(self, refund: Refund) -> None:
        """Asks for a refund. Returning says that the gateway took it on, not that it is done:
        reading the payment tells what became of it.

        Raises `RefundDeclined` where nothing was given back by this try and nothing will be;
        `RefundKeySpent` where the outcome is unknown and this key can only repeat that answer; what
        else leaves the outcome unknown (`GatewayTimeout`, `GatewayUnavailable`) is asked again
        under the same key.
        """

    async def confirm(self, order: Order, payment_key: str) -> GatewayPayment:
        """Takes the money, at a gateway that leaves this to the shop after the buyer has agreed.

        An unknown outcome is resolved by reading. Raises `PaymentRefused` with the gateway's code
        for a refusal, and `NothingToConfirm` at a gateway that takes the money itself.
        """

    async def close_order(self, order: Order, payment: GatewayPayment | None) -> None:
        """Makes an order that is over unpayable, as far as the gateway can; `payment` is one of its
        payments as just read, unpaid, or None where it knows of none. It never gives money back: a
        payment that is paid meanwhile stays so. Reading tells what became of it.

        Returns where there is nothing to close, or the gateway refuses for good.
        """

    def moved_between(self, since: datetime, until: datetime) -> AsyncIterator[ListedPage]:
        """Every payment whose money moved in [since, until), whichever way, as the gateway's own
        list dates it: paid, canceled, refunded, disputed, decided, undone. By pages; none is
        missed, one on an edge may come too many, and one that moved twice may come twice. A row
        that cannot be read hides none of the others. At most one page is held in memory."""

    async def close(self) -> None:
        """Ends the connections that are this gateway's own."""


def gateway_named(gateways: Mapping[str, Gateway], name: str) -> Gateway:
    """Raises `GatewayOff` where it is unknown, or without its keys."""
    gateway = gateways.get(name)
    if gateway is None:
        raise GatewayOff
    return gateway


class TakesMoneyItself:
    """The part of a gateway that needs no confirm, and has no connections of its own, nor stored
    methods, nor cash receipts."""

    billing: Billing | None = None
    cash_receipts: CashReceiptIssuer | None = None

    async def confirm(self, order: Order, payment_key: str) -> GatewayPayment:  # noqa: ARG002
        raise NothingToConfirm

    async def close(self) -> None:
        """Nothing: the connections are the shared client's."""
