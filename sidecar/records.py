"""What the RPCs return, as typed records. Amounts are minor units; times are ISO 8601 strings.

Unknown fields are ignored, so that a newer database does not break an older sidecar.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Payment(Record):
    """One order and how its payment stands."""

    id: str
    order_id: str
    user_id: str
    product_id: str
    name: str
    gateway: str
    amount: int
    currency: str
    tokens: int
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
    canceled_at: str | None
    expired_at: str | None
    created_at: str
    confirmed_at: str | None
    updated_at: str


def _absent(value: object) -> object:
    """A row that a function did not find may come as an object of nulls."""
    return value if isinstance(value, dict) and value.get("id") is not None else None


PaymentIfAny = Annotated[Payment | None, BeforeValidator(_absent)]


class Applied(Record):
    """What `apply_gateway_payment` made of a fact."""

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
    payment: PaymentIfAny


class StoredWebhook(Record):
    """What `store_webhook` makes of a webhook. `read`: it is leased to us, read the payment now."""

    verdict: Literal["read", "scheduled", "duplicate", "unknown_order", "forged"]
    webhook_id: int | None
    payment: PaymentIfAny


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
    finished_at: str | None
    next_attempt_at: str | None


class Offer(Record):
    """A product on sale, in one currency."""

    id: str
    name: str
    name_ko: str | None
    kind: str
    tokens: int
    currency: str
    amount: int


class TokenReceipt(Record):
    """One ledger entry; `balance` is what it left, `replayed` that it was written before."""

    user_id: str
    seq: int
    kind: str
    delta: int
    balance: int
    idempotency_key: str | None
    feature: str | None
    payment_id: str | None
    hold_id: str | None
    reason: str
    metadata: dict[str, Any]
    created_at: str
    replayed: bool


class HoldReceipt(Record):
    """Tokens set aside for a job that runs."""

    id: str
    user_id: str
    amount: int
    captured: int
    status: Literal["held", "captured", "released", "expired"]
    feature: str | None
    idempotency_key: str
    reason: str
    expires_at: str
    created_at: str
    resolved_at: str | None
    replayed: bool


class Maintenance(Record):
    orders_expired: int
    wallets_swept: int


class DatabaseSettings(Record):
    mode: Literal["test", "live"]


class Discrepancy(Record):
    """Money that fits no order."""

    id: int
    kind: str
    gateway: str
    payment_key: str
    order_id: str
    detail: dict[str, Any]
    created_at: str
    resolved_at: str | None


class LedgerProblem(Record):
    user_id: str
    problem: str
    expected: int | None
    found: int | None
