"""The rules of tokens a second time, in plain Python: the judge of the state machine.

Nothing here is taken from the SQL. One thing happens after the other, so there are no locks and no
clock. `Refused` is an error of the registry; any other answer is a word.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class Refused(Exception):  # noqa: N818 - what happened, in the product's own word
    pass


@dataclass(frozen=True)
class Entry:
    """The use of a key of a wallet."""

    kind: str
    delta: int
    feature: str | None = None
    is_capture: bool = False


@dataclass(eq=False)
class Hold:
    amount: int
    key: str
    feature: str | None
    status: str = "held"
    overdue: bool = False
    id: object = None
    """The name that the database has for it."""

    @property
    def is_open(self) -> bool:
        return self.status == "held" and not self.overdue

    @property
    def is_taken(self) -> bool:
        """Its key is in use."""
        return self.is_open or self.status == "captured"


@dataclass(eq=False)
class Wallet:
    place: int = 0
    """The place of its user's id among all."""
    tokens: int = 0
    closed: bool = False
    set_aside: int = 0
    """For refunds that are under way."""
    keys: dict[tuple[str, str], Entry] = field(default_factory=dict)
    holds: list[Hold] = field(default_factory=list)
    parts: list[Wallet] = field(default_factory=list)
    """Wallets that were merged into it, and into those."""
    owner: Wallet | None = None
    """The wallet that it is a part of."""

    @property
    def available(self) -> int:
        held = sum(hold.amount for hold in self.holds if hold.is_open)
        return self.tokens - held - self.set_aside

    def post(self, caller: str, key: str, entry: Entry) -> str:
        """A spend, a grant or an adjustment."""
        earlier = self._entry_under(caller, key, entry)
        if earlier:
            same_price = entry.feature is not None or earlier.delta == entry.delta
            if (earlier.kind, earlier.feature) != (entry.kind, entry.feature) or not same_price:
                raise Refused("idempotency_key_reused")
            if earlier.is_capture:
                raise Refused("idempotency_key_reused")
            return "replayed"
        self.check_open()
        if caller == "service" and any(h.is_open and h.key == key for h in self.holds):
            raise Refused("idempotency_key_reused")
        if entry.delta < 0:
            self._check_available(-entry.delta)
        self.keys[caller, key] = entry
        self.tokens += entry.delta
        return "done"

    def hold(self, amount: int, key: str, feature: str | None) -> str:
        earlier = self.hold_under(key, amount, feature)
        if earlier:
            if earlier.feature != feature or (feature is None and earlier.amount != amount):
                raise Refused("idempotency_key_reused")
            return "replayed"
        if any(("service", key) in wallet.keys for wallet in (self, *self.parts)):
            raise Refused("idempotency_key_reused")
        self.check_open()
        self._check_available(amount)
        self.holds.append(Hold(amount, key, feature))
        return "done"

    def hold_under(self, key: str, amount: int, feature: str | None) -> Hold | None:
        """A hold that was released or whose time has come has freed its key. Its own, else one of
        those that became a part of it, if there is one that fits."""
        own = [hold for hold in self.holds if hold.key == key and hold.is_taken]
        if own:
            return own[0]
        theirs = [h for part in self._parts_in_order() for h in part.holds if h.key == key]
        theirs = [hold for hold in theirs if hold.is_taken]
        fitting = [h for h in theirs if (h.amount, h.feature) == (amount, feature)]
        return next(iter(fitting or theirs), None)

    def _entry_under(self, caller: str, key: str, entry: Entry) -> Entry | None:
        """Its own, else one of those that became a part of it, if there is one that fits."""
        if own := self.keys.get((caller, key)):
            return own
        theirs = [part.keys[caller, key] for part in self.parts if (caller, key) in part.keys]
        return entry if entry in theirs else next(iter(theirs), None)

    def _parts_in_order(self) -> list[Wallet]:
        return sorted(self.parts, key=lambda part: part.place)

    def capture(self, hold: Hold, amount: int) -> str:
        if not hold.is_open:
            raise Refused("hold_resolved")
        if not 1 <= amount <= hold.amount:
            raise Refused("invalid_amount")
        hold.status = "captured"
        self.keys["service", hold.key] = Entry("spend", -amount, hold.feature, is_capture=True)
        self.tokens -= amount
        return "done"

    def release(self, hold: Hold) -> str:
        if not hold.is_open:
            raise Refused("hold_resolved")
        hold.status = "released"
        return "done"

    def close(self) -> None:
        self.closed = True
        for hold in self.holds:
            if hold.status == "held":
                hold.status = "released"

    def check_mergeable(self, other: Wallet) -> None:
        for wallet in (self, other):
            wallet.check_open()

    def merge_into(self, other: Wallet) -> None:
        """Everything moves that may still change; what has happened stays and is remembered."""
        for hold in [hold for hold in self.holds if hold.is_open]:
            self.holds.remove(hold)
            taken = any(h.key == hold.key and h.is_taken for h in other.holds)
            if taken or ("service", hold.key) in other.keys:
                hold.key = f"merged:{hold.id}"
            other.holds.append(hold)
        other.tokens += self.tokens
        self.tokens, self.closed = 0, True
        other.parts += [self, *self.parts]
        for part in (self, *self.parts):
            part.owner = other
        self.parts = []

    def check_open(self) -> None:
        if self.owner:
            raise Refused("wallet_merged")
        if self.closed:
            raise Refused("wallet_not_found")

    def _check_available(self, amount: int) -> None:
        if self.available < amount:
            raise Refused("insufficient_tokens")
