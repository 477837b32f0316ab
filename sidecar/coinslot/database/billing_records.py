"""Plans, stored methods and charges, as the RPCs answer them."""

from __future__ import annotations

from pydantic import Field

from coinslot.database.records import OrderRecord, Record


class MethodRecord(Record):
    """A method that somebody has stored, or has begun to store."""

    id: str
    gateway: str
    status: str
    # Ours at the gateway; only while it is being stored.
    customer: str = Field(default="", repr=False)
    brand: str | None = None
    last_four: str | None = None


class SealedMethod(Record):
    """A stored method, as it is kept."""

    id: str
    sealed: str = Field(repr=False)


class ClaimedMethod(Record):
    """A removed method that its gateway has yet to forget."""

    id: str
    gateway: str
    customer: str = Field(repr=False)
    sealed: str = Field(repr=False)


class ClaimedCharge(Record):
    """A charge that is this program's for a while. `again`: somebody may have made it. `over`:
    nobody is to make it any more."""

    id: str
    lease: int
    again: bool
    over: bool = False
    gateway: str
    # None: of a top-up.
    subscription_id: str | None
    customer: str = Field(repr=False)
    sealed: str | None = Field(repr=False)
    method_id: str
    payment: OrderRecord
    payment_key: str | None
    created_at: str


class Plan(Record):
    """A plan with its prices by currency in minor units."""

    id: str
    family: str
    every: str
    name: str
    name_ko: str
    tokens: int
    rollover: str
    trial_days: int
    trial_tokens: int
    rollover_cap: int | None = None
    active: bool
    prices: dict[str, int]


class Proposal(Record):
    """A price that those are asked to agree to who pay less. `ends`: without a yes they have no
    further period."""

    plan_id: str
    currency: str
    amount: int
    from_at: str
    ends: bool
    subscriptions: int


class Subscription(Record):
    """A person's subscription, as far as a route has to know of it."""

    id: str
    plan_id: str
    gateway: str
    status: str
    needs: str | None = None
