# ruff: noqa: ARG002 - not every gateway needs to know everything
"""The page at each gateway: what it posts to order, what the buyer does in the window, and what it
posts when the buyer is back. The simulators' control API plays the window."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from tests.storm.journal import Bought, Json
    from tests.storm.plan import Purchase


class Till(ABC):
    name: ClassVar[str]
    """Also the simulator's prefix."""

    def turn(self, bought: Bought) -> Json:
        """What the buyer's turn in the window needs besides the order and its outcome."""
        return {}

    @abstractmethod
    def key(self, carried: Json) -> str:
        """The payment key among what the browser carries back."""

    @abstractmethod
    def back(self, bought: Bought, key: str) -> tuple[str, Json | None]:
        """Path and body of what the page sends then; without a body it only looks."""

    def tampered(self, bought: Bought) -> Json | None:
        """A turn that pays a hundredth; None where no page can do that."""
        return {"amount": max(bought.amount // 100, 1), "force": True}

    def again(self, bought: Bought) -> Json | None:
        """A turn that pays the order once more; None where the gateway does not let it."""
        return None


class V1(Till):
    name = "portone-v1"

    def key(self, carried: Json) -> str:
        return str(carried["imp_uid"])

    def back(self, bought: Bought, key: str) -> tuple[str, Json | None]:
        return "/api/payments/complete", {"paymentKey": bought.order_id, "impUid": key}

    def again(self, bought: Bought) -> Json | None:
        return {"force": True}


class V2(Till):
    name = "portone-v2"

    def key(self, carried: Json) -> str:
        return str(carried["transactionId"])

    def back(self, bought: Bought, key: str) -> tuple[str, Json | None]:
        return "/api/payments/complete", {"paymentId": bought.order_id}


class Toss(Till):
    name = "toss"

    def turn(self, bought: Bought) -> Json:
        return {"amount": bought.amount}

    def key(self, carried: Json) -> str:
        return str(carried.get("paymentKey", ""))

    def back(self, bought: Bought, key: str) -> tuple[str, Json | None]:
        body = {"paymentKey": key, "orderId": bought.order_id, "amount": bought.amount}
        return "/payment/toss/confirm", body

    def tampered(self, bought: Bought) -> Json | None:
        return {"amount": max(bought.amount // 100, 1)}


class Stripe(Till):
    name = "stripe"

    def turn(self, bought: Bought) -> Json:
        return {"method": bought.plan.card}

    def key(self, carried: Json) -> str:
        return str(carried["payment_intent"])

    def back(self, bought: Bought, key: str) -> tuple[str, Json | None]:
        """The page only waits: the webhook credits."""
        return f"/payment/{bought.order_id}", None

    def tampered(self, bought: Bought) -> Json | None:
        return {"amount": 100, "currency": bought.plan.currency.lower(), "force": True}

    def again(self, bought: Bought) -> Json | None:
        return {
            "amount": bought.amount,
            "currency": bought.plan.currency.lower(),
            "force": True,
        }


TILLS: tuple[Till, ...] = (V1(), V2(), Toss(), Stripe())
_BY_NAME = {till.name: till for till in TILLS}


def till_named(name: str) -> Till:
    return _BY_NAME[name]


def ordering(plan: Purchase) -> tuple[str, Json]:
    """Path and body of the order."""
    if plan.gateway == "portone":
        return "/api/payments/checkout", {"packageId": plan.product}
    if plan.gateway == "toss":
        return "/payment/toss/create", {"productId": plan.product}
    return "/payment/stripe/create", {"productId": plan.product, "currency": plan.currency}


def opened(plan: Purchase, answer: Json) -> Till:
    """The window that the answer to an order opens: PortOne V2's where it brings its arguments."""
    if plan.gateway == "portone":
        return till_named("portone-v2" if "paymentId" in answer else "portone-v1")
    return till_named(plan.gateway)
