"""The bodies that the routes answer with, for the OpenAPI document: no field beyond these is sent.

Amounts are minor units, times ISO 8601. A field with a default is not always there.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Status = Literal[
    "pending",
    "awaiting_deposit",
    "completed",
    "partially_refunded",
    "refunded",
    "disputed",
    "charged_back",
    "failed",
    "canceled",
    "expired",
    "review",
]


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Error(Answer):
    """`error` is for people, `code` for programs. `success` and `status` (of the order) come with a
    payment that is refused, `request_id` with a failure of the server."""

    error: str
    code: str
    success: Literal[False] = False
    status: Status = "pending"
    request_id: str = ""


class Health(Answer):
    status: Literal["ok"]


class Readiness(Answer):
    """`reasons` says what is missing, one sentence each; empty when ready."""

    ready: bool
    reasons: list[str]


class Received(Answer):
    received: Literal[True]


class PublicPayment(Answer):
    """What anybody who has the order id may see."""

    order_id: str
    amount: int
    currency: str
    status: Status
    tokens: int
    payment_method: str


class ShownPayment(PublicPayment):
    """An order, to its owner. `payment_method` is the gateway, `method` the instrument."""

    id: str
    user_id: str
    product_id: str
    name: str
    method: str | None
    payment_key: str | None
    paid: int
    refunded: int
    disputed: int
    withdrawn: int
    failure_reason: str | None
    virtual_account: dict[str, Any] | None
    expires_at: str
    canceled_at: str | None
    expired_at: str | None
    created_at: str
    confirmed_at: str | None
    updated_at: str


class OnePayment(Answer):
    success: Literal[True]
    payment: ShownPayment


class History(Answer):
    """`next` is the `before` of the page that follows, null on the last one."""

    success: Literal[True]
    count: int
    payments: list[ShownPayment]
    next: str | None


class ShownRefund(Answer):
    """`tokens` are set aside while it is open. `failure_code` and `failure_message` are the
    gateway's."""

    id: str
    order_id: str
    payment_key: str
    amount: int
    currency: str
    tokens: int
    status: Literal["requested", "pending", "succeeded", "failed"]
    failure_code: str | None
    failure_message: str | None
    created_at: str
    finished_at: str | None


class Refunded(Answer):
    success: Literal[True]
    refund: ShownRefund


class RefundOpen(Answer):
    """Asked for, and not over: it is carried on, and the same request answers how it ended."""

    success: Literal[False]
    refund: ShownRefund


class RefundRefused(Answer):
    """`refundable` is what is left of the payment, `tokens` what the buyer has of those `required`;
    `refund_id` and `amount` are of the one under way, `refund` is the one that failed."""

    error: str
    code: str
    success: Literal[False] = False
    refundable: int = 0
    currency: str = ""
    status: str = ""
    tokens: int = 0
    required: int = 0
    refund_id: str | None = None
    amount: int = 0
    refund: ShownRefund | None = None


class Checkout(Answer):
    """A new order. The fields from `storeId` on are what PortOne V2's browser SDK takes; with V1
    there are none of them, and `orderId` is the SDK's `merchant_uid`."""

    orderId: str  # noqa: N815 - the plan's name
    amount: int
    tokens: int
    name: str
    storeId: str = ""  # noqa: N815 - PortOne's names
    channelKey: str = ""  # noqa: N815
    paymentId: str = ""  # noqa: N815
    orderName: str = ""  # noqa: N815
    totalAmount: int = 0  # noqa: N815
    currency: str = ""


class Completed(Answer):
    success: Literal[True]
    tokens: int
    status: Literal["completed", "partially_refunded"]


class Waiting(Answer):
    """The buyer has an account to pay into, which only the order's owner is shown."""

    success: Literal[False]
    status: Literal["awaiting_deposit"]
    tokens: int
    virtual_account: dict[str, Any] | None = None


class TossConfig(Answer):
    """What Toss's browser SDK takes."""

    clientKey: str  # noqa: N815 - Toss's names
    orderId: str  # noqa: N815
    orderName: str  # noqa: N815
    amount: int
    successUrl: str  # noqa: N815
    failUrl: str  # noqa: N815


class NewOrder(Answer):
    success: Literal[True]
    orderId: str  # noqa: N815 - the guide's names
    paymentId: str  # noqa: N815
    amount: int
    currency: str


class TossCreated(NewOrder):
    tossConfig: TossConfig  # noqa: N815


class StripeCreated(NewOrder):
    """`clientSecret` lets the page that holds it pay this order: show it to nobody else."""

    clientSecret: str  # noqa: N815
    publishableKey: str  # noqa: N815


class TossConfirmed(Answer):
    """The whole order to its owner; to anybody else what an order id tells."""

    success: Literal[True]
    payment: ShownPayment | PublicPayment
    tossPayment: dict[str, Any]  # noqa: N815


class TossWaiting(Waiting):
    payment: ShownPayment | PublicPayment
    tossPayment: dict[str, Any]  # noqa: N815


class PortOneOffer(Answer):
    """`code` is V1's, which its script is started with."""

    version: Literal[1, 2]
    code: str = ""
    methods: list[str]


class TossOffer(Answer):
    methods: list[str]


class Offers(Answer):
    """The gateways that are on."""

    portone: PortOneOffer | None = None
    toss: TossOffer | None = None
    stripe: dict[str, str] = {}


class StoreConfig(Answer):
    """What a store in a browser has to know. `sdk` has the addresses of the gateways' scripts."""

    mode: Literal["test", "live"]
    supabaseUrl: str  # noqa: N815 - as supabase-js writes names
    anonKey: str  # noqa: N815
    gateways: Offers
    sdk: dict[str, str]
    demo: dict[str, str] | None
