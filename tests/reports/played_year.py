"""A shop that is played, and its own account of what happened: reports come to the same."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg

from tests.database.people import Bank, Call, ask_refund, gateway_says, grant, maintain
from tests.support.clocks import Clock

START = datetime(2027, 1, 28, 14, 30, tzinfo=UTC)
PRICES = {"starter": (10, 4999), "standard": (30, 12000), "premium": (100, 35000)}

_WORTH = """
select l.price, l.price_tokens, f.remaining + l.reserved as left_over
from public.token_wallets w
cross join lateral coinslot.foreseen_lots(w, greatest(clock_timestamp(), w.folded_at)) f
inner join public.token_lots l on l.id = f.lot_id
where w.user_id = %s and l.price is not null
"""

_LIFETIME = "update token_products set tokens_last_days = %s where id = 'standard'"
_COVERED = """
select l.price, l.price_tokens, l.expired, l.covered
from public.token_lots l inner join public.token_payments p on p.id = l.payment_id
where p.order_id = %s and l.covered > 0
"""

_ENDED = """
select l.id from public.token_lots l inner join public.token_payments p on p.id = l.payment_id
where p.order_id = %s and l.expired > l.covered
"""


@dataclass
class Year:
    """The course of events, as the test has it."""

    bank: Bank
    clock: Clock
    chance: random.Random
    now: datetime = START
    lifetime: int = 8
    owner: UUID = field(default_factory=uuid4)
    people: list[UUID] = field(default_factory=list)
    paid: dict[str, tuple[UUID, int]] = field(default_factory=dict)
    versions: Counter[str] = field(default_factory=Counter)
    refunded: Counter[str] = field(default_factory=Counter)
    sold_at: dict[str, datetime] = field(default_factory=dict)
    money: list[tuple[datetime, str, int]] = field(default_factory=list)
    moves: list[tuple[datetime, str, int, str]] = field(default_factory=list)
    used_back: list[tuple[datetime, int]] = field(default_factory=list)
    expired_back: list[tuple[datetime, int]] = field(default_factory=list)
    used: list[tuple[datetime, int]] = field(default_factory=list)
    orders: list[tuple[datetime, bool, bool]] = field(default_factory=list)

    def begin(self) -> None:
        self.clock.set(self.now)
        self.owner = self.bank.operator("owner")
        self.people = [self.bank.user() for _ in range(6)]
        self.bank.change(_LIFETIME, self.lifetime)
        # Ten tokens of which none has a price of its own: parts are rounded.
        odd = "update token_prices set amount = 4999 where (product_id, currency) = (%s, %s)"
        self.bank.change(odd, "starter", "KRW")

    def day(self) -> None:
        for _ in range(self.chance.randrange(5)):
            self.now += timedelta(minutes=self.chance.randrange(1, 300))
            self.clock.set(self.now)
            self.chance.choice(
                (self.buy, self.buy, self.spend, self.spend, self.spend, self.back)
            )()
        self.now = self.now.replace(hour=23, minute=40) + timedelta(
            minutes=self.chance.choice((0, 25, 400))
        )
        self.clock.set(self.now)
        if self.chance.randrange(3) == 0:
            self.bank.ask(maintain())

    def buy(self) -> None:
        buyer = self.chance.choice(self.people)
        product = self.chance.choice(list(PRICES))
        _, price = PRICES[product]
        arguments = {"product_id": product, "gateway": "portone"}
        order = str(self.bank.ask(Call("create_token_order", arguments, buyer))["order_id"])
        declined = self.chance.randrange(3) == 0
        if declined:
            self.say(order, price, key=f"no_{order}", state="failed", failure_reason="expired_card")
        pays = self.chance.randrange(4) > 0
        if pays:
            before = self.worth(buyer)
            self.say(order, price, paid=price)
            # A part of it may pay for what an earlier refund took beyond the balance.
            self.used.append((self.now, before + price - self.worth(buyer)))
            self.paid[order] = (buyer, price)
            self.sold_at[order] = self.now
            self.money.append((self.now, "paid", price))
            self.moves.append((self.now, "paid", price, order))
        self.orders.append((self.now, declined, pays))

    def spend(self) -> None:
        who = self.chance.choice(self.people)
        before = self.worth(who)
        [row] = self.bank.rows("select tokens from token_wallets where user_id = %s", who)
        amount = self.chance.randrange(1, 12)
        if row["tokens"] < amount:
            self.bank.ask(grant(who, amount, str(uuid4())))
        held = Call("spend_tokens", {"amount": amount, "idempotency_key": str(uuid4())}, who)
        try:
            self.bank.ask(held)
        except psycopg.Error as error:
            assert "insufficient_tokens" in str(error)  # noqa: PT017 - some have expired
            return
        self.used.append((self.now, before - self.worth(who)))

    def back(self) -> None:
        left = [order for order, (_, price) in self.paid.items() if self.refunded[order] < price]
        if not left:
            return
        ended = [order for order in left if self.bank.rows(_ENDED, order)]
        order = self.chance.choice(ended if ended and self.chance.randrange(2) else left)
        _, price = self.paid[order]
        amount = self.chance.choice((price - self.refunded[order], 1000, 333))
        amount = min(amount, price - self.refunded[order])
        self.refunded[order] += amount
        buyer = self.paid[order][0]
        before, covered = self.worth(buyer), self.covered(order)
        if self.chance.randrange(3) == 0:
            self.bank.ask(ask_refund(order, str(uuid4()), amount, force=True))
        self.say(order, price, paid=price, refunded=self.refunded[order])
        # What no token that was there was worth had been used; or it had expired.
        covered = self.covered(order) - covered
        taken = before - self.worth(buyer)
        self.used_back.append((self.now, amount - taken - covered))
        self.expired_back.append((self.now, covered))
        self.money.append((self.now, "refunded", amount))
        self.moves.append((self.now, "refunded", amount, order))

    def say(self, order: str, price: int, **facts: Any) -> None:  # noqa: ANN401 - a read's
        self.versions[order] += 1
        [row] = self.bank.rows("select version from token_payments where order_id = %s", order)
        self.bank.ask(gateway_says(order, row["version"], amount=price, **facts))

    def worth(self, who: UUID) -> int:
        return sum(
            row["price"] - _first(row, row["price_tokens"] - int(row["left_over"]))
            for row in self.bank.rows(_WORTH, who)
        )

    def covered(self, order: str) -> int:
        """The worth of expired tokens of an order whose money went back."""
        return sum(
            (row["price"] - _first(row, row["price_tokens"] - row["expired"]))
            * row["covered"]
            // row["expired"]
            for row in self.bank.rows(_COVERED, order)
        )


def _first(lot: dict[str, Any], tokens: int) -> int:
    """The worth of the first so many tokens of a lot."""
    return int(lot["price"] * tokens // lot["price_tokens"])
