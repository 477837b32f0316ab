"""Records of the shop itself: its seller, its documents, its operators, its products."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from coinslot.database.records import Record

OperatorRole = Literal["support", "finance", "owner"]
Limits = dict[str, int | dict[str, int]]
"""Limits of an operator in 24 hours: `tokens_a_day`, and `refunds_a_day` in minor units by
currency."""


class Seller(Record):
    """The seller as receipts show it. `business` has what there is of name, ceo, registration,
    mail_order, address, phone and email."""

    business: dict[str, str]
    tax_status: str
    time_zone: str


class Document(Record):
    """A receipt or a credit note as it was issued. Amounts are minor units, tax included.

    `vat` and `tax_free` are None where nothing is known of taxes. `paid_on` and `issued_on` are in
    the seller's time zone. `corrects` is the order's first receipt. `card` has `brand`, `last_four`
    and `approval` of the card that paid, each as far as the gateway told it.
    """

    number: str
    kind: Literal["receipt", "credit_note"]
    live: bool
    order_id: str
    cause: str
    corrects: str | None
    name: str
    name_ko: str | None
    quantity: int
    tokens: int
    list_amount: int | None
    amount: int
    currency: str
    vat: int | None
    tax_free: int | None
    gateway_name: str
    method: str | None
    card: dict[str, str] = Field(default_factory=dict)
    seller: dict[str, str]
    time_zone: str
    paid_on: str
    issued_on: str


class Operator(Record):
    """Somebody with a role of their own at the shop, and since when they have had it."""

    user_id: str
    role: OperatorRole
    since: str
    limits: Limits = Field(default_factory=dict)


class OperatorAccount(Operator):
    """`active` is False for the deleted and the banned, who may do nothing."""

    email: str | None
    active: bool


class Product(Record):
    """Something that is sold, with its price in minor units by currency. Not active: off sale."""

    id: str
    kind: str
    name: str
    name_ko: str
    tokens: int
    active: bool
    prices: dict[str, int]
