"""The answers of the RPCs as typed records. Amounts are minor units, times ISO 8601 strings.

Unknown fields are ignored, so that a newer database does not break an older sidecar.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

RefundStatus = Literal["requested", "pending", "succeeded", "failed"]


class Record(BaseModel):
    # What does not fit may be personal, and an error is logged.
    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, populate_by_name=True
    )


class OrderRecord(Record):
    """One order and how its payment stands."""

    id: str
    order_id: str
    user_id: str
    product_id: str
    name: str
    name_ko: str | None = None
    gateway: str
    amount: int
    currency: str
    tokens: int
    quantity: int = 1
    list_amount: int | None = None
    promo_code: str | None = None
    live: bool
    status: str
    method: str | None
    payment_key: str | None
    paid: int
    refunded: int
    disputed: int
    withdrawn: int
    failure_reason: str | None
    virtual_account: dict[str, Any] | None
    version: int
    expires_at: str
    deposit_until: str | None
    canceled_at: str | None
    expired_at: str | None
    voided_at: str | None
    created_at: str
    confirmed_at: str | None
    updated_at: str


def _absent(value: object) -> object:
    """None for an object of nulls: PostgREST returns a missing row so."""
    return value if isinstance(value, dict) and value.get("id") is not None else None


OrderIfAny = Annotated[OrderRecord | None, BeforeValidator(_absent)]


def _absent_list(value: object) -> object:
    return [] if value is None else value


class WebhookVerdict(Record):
    """The database's verdict on one webhook. Not `finished`: it will be read again."""

    webhook_id: int
    outcome: str
    finished: bool


class Applied(Record):
    """The outcome of `coinslot_apply_gateway_payment`, and its verdict on each webhook of the read.

    A webhook that had ended before has no verdict. A `stale` read judges none.
    """

    outcome: Literal[
        "credited",
        "reversed",
        "restored",
        "moved",
        "unchanged",
        "stale",
        "review",
        "duplicate",
        "refused",
        "unknown_order",
    ]
    order: OrderIfAny = Field(alias="payment")
    webhooks: Annotated[list[WebhookVerdict], BeforeValidator(_absent_list)] = []


class StoredWebhook(Record):
    """The verdict of `coinslot_store_webhook`. `read`: it is leased to us, read the payment now."""

    verdict: Literal["read", "scheduled", "duplicate", "unknown_order", "forged"]
    webhook_id: int | None
    order: OrderIfAny = Field(alias="payment")


class Webhook(Record):
    """A webhook in the inbox. `order_id` and `payment_key` are empty where it names none."""

    id: int
    gateway: str
    event_id: str | None
    event_type: str
    order_id: str
    payment_key: str
    claims_paid: bool
    outcome: str
    detail: str
    deliveries: int
    attempts: int
    received_at: str
    waiting_since: str
    taken_at: str
    finished_at: str | None
    next_attempt_at: str | None


class RefundRecord(Record):
    """A refund; `status` requested and pending are open, succeeded and failed are over."""

    id: str
    order_id: str
    payment_key: str
    amount: int
    currency: str
    tokens: int
    status: RefundStatus
    failure_code: str | None
    failure_message: str | None
    created_at: str
    finished_at: str | None
    # How often it was taken up, for us alone.
    attempts: int = Field(exclude=True)


class RefundJob(Record):
    """A refund leased to us. `todo`: ask the gateway for it under `key`, or read its payment."""

    id: str
    key: str
    todo: Literal["ask", "read"]
    tries: int
    reason: str
    amount: int
    refundable: int
    currency: str
    gateway: str
    payment_key: str
    account: dict[str, str] | None = Field(repr=False)
    order: OrderRecord = Field(alias="payment")


class OrderToRead(Record):
    """An order to be read again; `attempt_key` is the latest attempt it is known by."""

    order: OrderRecord = Field(alias="payment")
    attempt_key: str | None


class Closing(Record):
    """An order to be closed at its gateway; `attempt_keys` are those that may be open there."""

    order: OrderRecord = Field(alias="payment")
    round: int
    attempt_keys: list[str]


class Offer(Record):
    """A product on sale, in one currency. `tiers` are what several cost together."""

    id: str
    name: str
    name_ko: str | None
    kind: str
    tokens: int
    currency: str
    amount: int
    discount_percent: int | None = None
    tokens_last_days: int | None = None
    tokens_end_at: str | None = None
    tiers: list[dict[str, int]] = []


class PromotionCode(Record):
    """A code of a promotion, and how often it was used. `max_uses` is None where there is no limit.

    An overrun is a use beyond the last: of an order that was paid when all uses were taken.
    """

    code: str
    max_uses: int | None
    active: bool
    used: int = 0
    reserved: int = 0
    overrun: int = 0


class Maintenance(Record):
    """`purged` has how many of each kind were deleted."""

    orders_expired: int
    wallets_swept: int
    purged: dict[str, int]


class Shop(Record):
    """The seller, the terms, and the currencies in which something is on sale.

    `refund_days` is None where the buyer is told nothing of it. `invitations` has what they are
    worth: `reward` for who invites and `bonus` for who is invited, in tokens. `plans` has the
    `gateways` that may charge stored methods, those that may `at_will`, and the `currencies` of the
    plans that are on sale.
    """

    business: dict[str, str] = {}
    links: dict[str, str] = {}
    refund_days: int | None = None
    currencies: list[str] = []
    max_quantity: int = 1
    takes_codes: bool = False
    cash_receipts: str = "off"
    invitations: dict[str, int] = {}
    plans: dict[str, list[str]] = {}


class DatabaseSettings(Record):
    """The database's mode and clock (seconds since 1970), its gateways and its RPCs.

    `gateways`, `schema_version`, `oldest_sidecar` and `shop` are None where the database is too old
    to tell.
    """

    mode: Literal["test", "live"]
    now: float | None = None
    schema_version: str | None = None
    oldest_sidecar: str | None = None
    gateways: list[str] | None = None
    rpcs: list[str] = []
    shop: Shop | None = None


class Discrepancy(Record):
    """A case for a person: money that fits no order, a refund that never ends, unsound books.

    `resolution` says what the person did. It is empty where the case resolved itself.
    """

    id: int
    kind: str
    gateway: str
    payment_key: str
    order_id: str
    detail: dict[str, Any]
    created_at: str
    resolved_at: str | None
    resolution: str
