"""Stored methods: how a gateway registers, charges and forgets one, whichever gateway it is.

A charge that got no answer is neither taken nor declined: it raises, as every call does whose
outcome is unknown, and is looked up by reading its order. What was taken is read, too: a charge
brings back nothing but a decline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from coinslot.gateways.base import GatewayPayment, Order

Kind = Literal["soft", "hard", "authentication", "ours"]

METHOD_GONE = "method_gone"
"""The reason of a decline after which the method is never charged again."""

_KINDS: dict[str, Kind] = {
    "expired_card": "hard",
    "wrong_number": "hard",
    "wrong_cvc": "hard",
    "wrong_password": "hard",
    "card_not_usable": "hard",
    "account_not_usable": "hard",
    METHOD_GONE: "hard",
    "authentication": "authentication",
    "amount_too_small": "ours",
    "unavailable": "ours",
}


@dataclass(frozen=True, slots=True)
class Registration:
    """A method that somebody is about to store. `customer` is our name for it at the gateway;
    `earlier` is the secret of the method that they stored before, if there is one."""

    id: str
    customer: str
    language: str = "ko"
    earlier: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class StoredMethod:
    """The method that a gateway gave. `secret` is all that a charge needs, and is kept sealed.

    `key` is the gateway's own name of the method, and by `fingerprint` it knows the card again,
    however often that is stored. Of either only a hash is kept.
    """

    secret: Mapping[str, str] = field(repr=False)
    key: str = field(repr=False)
    brand: str | None = None
    last_four: str | None = None
    fingerprint: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Charge:
    """One charge of a stored method for an order.

    `id` is the same for as long as its outcome is unknown, `looks` how often it was looked up.
    `order.payment_key` is the payment that is known of the order.
    """

    id: str
    order: Order
    customer: str
    secret: Mapping[str, str] = field(repr=False)
    looks: int
    began: datetime


@dataclass(frozen=True, slots=True)
class Declined:
    """A charge that took nothing, for certain. `reason` is one of ours. `dead`: the order cannot be
    paid any more, so that another charge is another order."""

    kind: Kind
    reason: str
    dead: bool = False


class Billing(Protocol):
    """The part of a gateway that charges while nobody is there.

    Every call raises `GatewayTimeout` or `GatewayUnavailable` where the outcome is unknown.
    """

    async def register(self, registration: Registration) -> Mapping[str, Any]:
        """The page's arguments for the window in which a method is stored. Harmless to repeat.

        Raises `PaymentRefused` where none can be stored."""

    async def registered(
        self, registration: Registration, carried: Mapping[str, str]
    ) -> StoredMethod:
        """The method that the window stored; `carried` is what it gave to the page, and nobody's
        word. Asked again it is the same one.

        Raises `PaymentRefused` for one that was not stored, or belongs to somebody else."""

    async def open(self, charge: Charge) -> GatewayPayment | None:
        """The payment, at a gateway that makes one before it is charged; None where there is none
        to make."""

    async def charge(self, charge: Charge) -> Declined | None:
        """Takes the money, once per order, however often it is asked. None: read the order."""

    async def forget(self, customer: str, secret: Mapping[str, str]) -> None:
        """Has the gateway forget a method. That it has is success, too."""


def decline(reason: str | None, *, dead: bool = False) -> Declined:
    """The decline for one of our reasons: what we do not know, time may mend."""
    known = reason or "declined"
    return Declined(_KINDS.get(known, "soft"), known, dead)
