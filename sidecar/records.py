"""What the RPCs return, as typed records. Amounts are minor units; times are ISO 8601 strings.

Unknown fields are ignored, so that a newer database does not break an older sidecar.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


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
    payment: Payment | None


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
