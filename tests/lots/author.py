"""Writes histories whose calls are mostly accepted: it looks at what there is to use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from tests.lots.comparison import DONE, Answer, Call, Pair
from tests.lots.late import Order
from tests.lots.terms import NEVER, Offer

USERS = {"ann": 6, "ben": 3, "cho": 1}
"""Weights of the draw: a long history of one finds more than short ones of many."""


class Author:
    """Of one history, told by its seed alone."""

    def __init__(self, random: Random, pair: Pair, *, as_the_database_sells: bool = False) -> None:
        """As the database sells: with no bonus beside a pack, and no priorities."""
        self.random = random
        self.pair = pair
        self.clock = 1000
        self.earliest = 1
        """To which the clock may go back."""
        self.is_real = as_the_database_sells
        self.knows_lots = True
        """False for a release that has none: nothing expires, and refunds reserve nothing."""
        self.number = 0
        self.merged: dict[str, str] = {}

    def next(self) -> Call:
        self.clock = max(self.earliest, self.clock + self._step())
        self.number += 1
        known = KINDS if self.knows_lots else set(KINDS) - NEEDS_LOTS
        weights = {name: weight for name, (weight, _) in KINDS.items() if name in known}
        while True:
            [kind] = self.random.choices(list(weights), list(weights.values()))
            call = KINDS[kind][1](self, self._user())
            if call is not None:
                return replace(call, name=kind)

    def heard(self, call: Call, answer: Answer) -> None:
        """A user who was merged away calls no more."""
        if call.kind == "merge" and answer == DONE:
            into = str(call.arguments["into"])
            moved = {user: into for user, owner in self.merged.items() if owner == call.user}
            self.merged |= moved | {call.user: into}

    def _step(self) -> int:
        """Often to the very instant at which something ends."""
        ends = {row.lot.expires_at for row in self.pair.late.rows.values()}
        ends |= {hold.expires_at for hold in self.pair.late.holds.values()}
        soon = sorted(end - self.clock for end in ends if self.clock < end < NEVER)[:2] or [1]
        step = self.random.choice(soon) - self.random.choice([0, 0, 1])
        back = -self.random.randrange(9) if self.knows_lots else 0
        return self.random.choice([0, 0, 0, 0, 1, 2, 5, step, step, back])

    def _user(self) -> str:
        users = [user for user in USERS if user not in self.merged]
        return self.random.choices(users, [USERS[user] for user in users])[0]

    def _call(self, kind: str, user: str, **arguments: object) -> Call:
        return Call(kind, user, self.clock, arguments)

    def _name(self, kind: str) -> str:
        return f"{kind}{self.number}"

    def _end(self, user: str) -> int:
        """Often the end of another lot, so that ends meet."""
        now = self._now(user)
        if not self.knows_lots:
            return NEVER
        ends = [row.lot.expires_at for row in self.pair.late.rows.values()]
        far = [end for end in ends if end > now]
        return self.random.choice([NEVER, now + self.random.randint(1, 40), *far[-1:]])

    def _now(self, user: str) -> int:
        return self.pair.late.now(user, self.clock)

    def _amount(self, most: int) -> int:
        """At most so many, but once in ten times."""
        if most < 1 or self.random.random() < 0.1:
            return self.random.randint(1, max(most, 0) + 8)
        return self.random.choice([self.random.randint(1, most), most])

    def _available(self, user: str) -> int:
        return self.pair.view(user, self.clock).available

    # ---- what may come next ----

    def grant(self, user: str) -> Call:
        is_late = self.knows_lots and self.random.random() < 0.03
        end = self._now(user) if is_late else self._end(user)
        return self._call(
            "grant",
            user,
            name=self._name("g"),
            amount=self.random.randint(1, 12),
            expires_at=end,
            priority=self.random.choice([0, 0, 1]) if not self.is_real else 0,
        )

    def buy(self, user: str) -> Call:
        offer = Offer(
            price=self.random.choice([3, 10, 50, 101]),
            tokens=self.random.randint(1, 12),
            bonus=0 if self.is_real else self.random.choice([0, 0, 3]),
            expires_at=self._end(user),
            bonus_expires_at=self._end(user),
        )
        return self._call("buy", user, name=self._name("p"), offer=offer)

    def spend(self, user: str) -> Call | None:
        available = self._available(user)
        if available < 1 and self.random.random() < 0.9:
            return None
        return self._call("spend", user, name=self._name("s"), amount=self._amount(available))

    def give_back(self, user: str) -> Call | None:
        spends = self.pair.late.spends
        owners = self._histories(user)
        names = [name for name, spend in spends.items() if spend.user in owners and spend.left]
        if not names:
            return None
        name = self.random.choice(names)
        return self._call("give_back", user, spend=name, amount=self._amount(spends[name].left))

    def _histories(self, user: str) -> list[str]:
        return [user, *(gone for gone, owner in self.merged.items() if owner == user)]

    def hold(self, user: str) -> Call | None:
        available = self._available(user)
        if available < 1 and self.random.random() < 0.9:
            return None
        end = self._end(user) - self._now(user)
        lasts = self.random.choice([self.random.randint(1, 30), min(end, 60)])
        amount = self._amount(available)
        return self._call("hold", user, name=self._name("h"), amount=amount, lasts=lasts)

    def _open_hold(self, user: str) -> str | None:
        holds = [name for name, hold in self.pair.late.holds.items() if hold.user == user]
        now = self._now(user)
        open_ones = [name for name in holds if self.pair.late.holds[name].is_open(now)]
        chosen = open_ones if self.random.random() < 0.97 else holds[-1:]
        return self.random.choice(chosen) if chosen else None

    def extend(self, user: str) -> Call | None:
        """So long from now, by the clock: of one that went back the models know nothing here."""
        name = self._open_hold(user)
        lasts = self.random.randint(1, 30)
        if name is None or self.clock < self._now(user):
            return None
        return self._call("extend", user, name=name, lasts=lasts)

    def release(self, user: str) -> Call | None:
        name = self._open_hold(user)
        return self._call("release", user, name=name) if name else None

    def capture(self, user: str) -> Call | None:
        name = self._open_hold(user)
        if name is None:
            return None
        amount = self.pair.late.holds[name].amount
        asked = self.random.choice([amount, self.random.randint(1, amount), amount + 3])
        over = asked > amount or self.random.random() < 0.5
        return self._call("capture", user, name=name, asked=asked, overage=over)

    def _order(self, user: str, *, refunding: bool | None = None) -> str | None:
        names = [
            name
            for name, order in self.pair.late.orders.items()
            if order.user == user and refunding in (None, order.refund is not None)
        ]
        return self.random.choice(names) if names else None

    def request(self, user: str) -> Call | None:
        name = self._order(user, refunding=False)
        if name is None:
            return None
        order = self.pair.late.orders[name]
        left = order.offer.price - order.back
        if left < 1:
            return None
        amount = self.random.choice([None, self.random.randint(1, left)])
        force = self.random.random() < 0.5
        return self._call("request", user, order=name, amount=amount, force=force)

    def decline(self, user: str) -> Call | None:
        name = self._order(user, refunding=True)
        return self._call("decline", user, order=name) if name else None

    def settle(self, user: str) -> Call | None:
        """The gateway has given back what an open refund asked for."""
        name = self._order(user, refunding=True)
        if name is None:
            return None
        order = self.pair.late.orders[name]
        assert order.refund
        return self._gateway(user, name, order, order.refund.before + order.refund.amount)

    def _gateway(self, user: str, name: str, order: Order, refunded: int) -> Call | None:
        disputed = order.back - order.refunded
        if not 0 <= refunded <= order.offer.price - disputed or refunded == order.refunded:
            return None
        return self._call("gateway", user, order=name, refunded=refunded, disputed=disputed)

    def console(self, user: str) -> Call | None:
        """Somebody gave money back in the gateway's own console, or a bank undid that."""
        name = self._order(user)
        if name is None:
            return None
        order = self.pair.late.orders[name]
        return self._gateway(user, name, order, self.random.randint(0, order.offer.price))

    def dispute(self, user: str) -> Call | None:
        """Opened for what is left, or won."""
        name = self._order(user)
        if name is None:
            return None
        order = self.pair.late.orders[name]
        left = order.offer.price - order.refunded
        disputed = self.random.choice([left, 0, self.random.randint(0, left)])
        if disputed == order.back - order.refunded:
            return None
        return self._call("gateway", user, order=name, refunded=order.refunded, disputed=disputed)

    def merge(self, user: str) -> Call | None:
        others = [other for other in USERS if other not in self.merged and other != user]
        if not others or self.number < 30:
            return None
        return self._call("merge", user, into=self.random.choice(others))

    def report(self, user: str) -> Call:
        return self._call("report", user)


NEEDS_LOTS = {"request", "decline", "settle", "report"}

KINDS: dict[str, tuple[int, Callable[[Author, str], Call | None]]] = {
    "grant": (12, Author.grant),
    "buy": (10, Author.buy),
    "spend": (16, Author.spend),
    "give back": (6, Author.give_back),
    "hold": (14, Author.hold),
    "extend": (3, Author.extend),
    "release": (7, Author.release),
    "capture": (8, Author.capture),
    "request": (9, Author.request),
    "decline": (4, Author.decline),
    "settle": (5, Author.settle),
    "console": (5, Author.console),
    "dispute": (6, Author.dispute),
    "merge": (1, Author.merge),
    "report": (3, Author.report),
}
"""Weight of each in the draw. One that cannot be is drawn in vain."""
