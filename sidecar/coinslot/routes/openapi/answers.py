"""The bodies that the routes answer with, for the OpenAPI document: no field beyond these is sent.

Amounts are minor units, times ISO 8601. A field with a default is not always there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, create_model

from coinslot.database.endpoints import Endpoint
from coinslot.database.shop_records import OperatorRole

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    "voided",
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
    """The part of an order that anybody who has its id may see."""

    order_id: str
    amount: int
    currency: str
    status: Status
    tokens: int
    payment_method: str


class ShownPayment(PublicPayment):
    """An order, to its owner. `payment_method` is the gateway, `method` the instrument.
    `list_amount` is the price without discounts, null where there was none."""

    id: str
    user_id: str
    product_id: str
    name: str
    name_ko: str | None
    quantity: int
    list_amount: int | None
    promo_code: str | None
    method: str | None
    payment_key: str | None
    paid: int
    refunded: int
    disputed: int
    withdrawn: int
    failure_reason: str | None
    virtual_account: dict[str, Any] | None
    expires_at: str
    deposit_until: str | None
    canceled_at: str | None
    expired_at: str | None
    voided_at: str | None
    created_at: str
    confirmed_at: str | None
    updated_at: str


class Receipt(Answer):
    """`url` is the gateway's own receipt: for its owner's eyes, and not to be kept."""

    success: Literal[True]
    url: str


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


class RoleNeeded(Answer):
    """`roles` are those of operators who may do it."""

    error: str
    code: str
    roles: list[OperatorRole]


class EndpointSecret(Answer):
    """`secret` is not shown again."""

    endpoint: Endpoint
    secret: str


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


class Waiting(Answer):
    """The buyer has an account to pay into, which only the order's owner is shown."""

    success: Literal[False]
    status: Literal["awaiting_deposit"]
    tokens: int
    virtual_account: dict[str, Any] | None = None


class NewOrder(Answer):
    success: Literal[True]
    orderId: str  # noqa: N815 - the guide's names
    paymentId: str  # noqa: N815
    amount: int
    currency: str


class OfferedMethod(Answer):
    """A way to pay in one currency. `fallbacks` are gateways to try where the first one's window
    does not open. `min` and `max` are minor units of one payment. `inline` is the kind of place in
    the store's page that it needs in place of a window. `cashReceipt`: it has one of Korea's."""

    id: str
    currency: str
    gateway: str
    logo: str
    hint: Literal["app", "later"] | None = None
    inline: str = ""
    cashReceipt: bool = False  # noqa: N815
    min: int = 0
    max: int = 0
    fallbacks: list[str] = []


class OfferedCurrencies(Answer):
    """Those in which something is on sale that can be paid for."""

    default: str | None
    offered: list[str]


class OfferedSubscription(Answer):
    """A currency of prices, and a gateway that may charge stored methods in it."""

    currency: str
    gateway: str


class _StoreConfig(Answer):
    """A store's configuration. `sdk` has the addresses of the gateways' scripts, `methods` stand in
    the order in which they are shown. `refundDays` is null where the shop says nothing of it.
    `maxQuantity` is how many packs one order may be of. `takesCodes`: there are promotion codes.
    `invitations` has the tokens for who invites, `reward`, and for who is invited, `bonus`.
    `subscriptions` is empty where no plan can be had, `topUps` where none is bought by itself."""

    mode: Literal["test", "live"]
    supabaseUrl: str  # noqa: N815 - as supabase-js writes names
    anonKey: str  # noqa: N815
    sdk: dict[str, str]
    methods: list[OfferedMethod]
    currency: OfferedCurrencies
    links: dict[str, str]
    business: dict[str, str]
    refundDays: int | None  # noqa: N815
    maxQuantity: int  # noqa: N815
    takesCodes: bool  # noqa: N815
    invitations: dict[str, int]
    subscriptions: list[OfferedSubscription]
    topUps: list[OfferedSubscription]  # noqa: N815
    demo: dict[str, str] | None


def store_config(offers: Mapping[str, type[BaseModel]]) -> type[BaseModel]:
    """The body of `/store/config`, with the offers of the gateways by their names."""
    fields: dict[str, Any] = {name: (offer | None, None) for name, offer in offers.items()}
    gateways = create_model(
        "Offers", __base__=Answer, __doc__="The gateways that are on.", **fields
    )
    return create_model(
        "StoreConfig", __base__=_StoreConfig, __doc__=_StoreConfig.__doc__, gateways=(gateways, ...)
    )
