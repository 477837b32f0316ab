"""The gateways' own money against the tokens: read from the simulators' books by these few lines,
which know nothing of the adapters."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.storm.client import Client
    from tests.storm.journal import Json

_STRIPE = {"Authorization": "Bearer sk_test_sandbox"}


@dataclass(frozen=True)
class Money:
    """One payment, as its gateway has it in the end: what came in, and what went out again."""

    order_id: str
    key: str
    paid: int
    returned: int
    currency: str

    @property
    def left(self) -> int:
        return self.paid - self.returned

    def tokens(self, tokens: int) -> int:
        """Of an order for so many: what the buyer is to have for the money that stayed, rounded in
        the buyer's favour; nothing where none stayed."""
        return tokens - (tokens * self.returned) // self.paid if self.left > 0 else 0


async def all_money(client: Client) -> list[Money]:
    """Every payment of all gateways that has received money at any time."""
    v1 = (await client.look("portone-v1/_sim/payments"))["payments"]
    v2 = (await client.look("portone-v2/_sim/payments"))["payments"]
    toss = (await client.look("toss/_sim/payments"))["payments"]
    found = [*map(_of_v1, v1), *map(_of_v2, v2), *map(_of_toss, toss), *await _of_stripe(client)]
    return [money for money in found if money.paid > 0]


def _of_v1(payment: Json) -> Money:
    return Money(
        order_id=payment["merchant_uid"],
        key=payment["imp_uid"],
        paid=payment["amount"] if payment["paid_at"] else 0,
        returned=payment["cancel_amount"],
        currency=payment["currency"],
    )


def _of_v2(payment: Json) -> Money:
    return Money(
        order_id=payment["id"],
        key=payment["transactionId"],
        paid=payment["amount"]["total"] if "paidAt" in payment else 0,
        returned=payment["amount"]["cancelled"],
        currency=payment["currency"],
    )


def _of_toss(payment: Json) -> Money:
    return Money(
        order_id=payment["orderId"],
        key=payment["paymentKey"],
        paid=payment["totalAmount"] if payment["approvedAt"] else 0,
        returned=payment["totalAmount"] - payment["balanceAmount"],
        currency=payment["currency"],
    )


async def _of_stripe(client: Client) -> list[Money]:
    """A dispute takes its money when it is opened, and gives it back when it is won."""
    intents = (await client.look("stripe/_sim/payments"))["payments"]
    returned: dict[str, int] = defaultdict(int)
    for refund in await stripe_list(client, "refunds"):
        if refund["status"] == "succeeded":
            returned[refund["payment_intent"]] += refund["amount"]
    for dispute in await stripe_list(client, "disputes"):
        if dispute["status"] != "won":
            returned[dispute["payment_intent"]] += dispute["amount"]
    return [
        Money(
            order_id=intent["metadata"].get("order_id", ""),
            key=intent["id"],
            paid=intent["amount_received"],
            returned=min(returned[intent["id"]], intent["amount_received"]),
            currency=intent["currency"].upper(),
        )
        for intent in intents
    ]


async def stripe_list(client: Client, kind: str) -> list[Json]:
    found: list[Json] = []
    page: Json = {"has_more": True}
    while page["has_more"]:
        after = f"&starting_after={found[-1]['id']}" if found else ""
        page = await client.look(f"stripe/v1/{kind}?limit=100{after}", **_STRIPE)
        found += page["data"]
    return found


def by_order(money: Iterable[Money]) -> dict[str, list[Money]]:
    found: dict[str, list[Money]] = defaultdict(list)
    for each in money:
        found[each.order_id].append(each)
    return found


Row = dict[str, Any]
