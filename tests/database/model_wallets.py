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


@dataclass
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


@dataclass
class Wallet:
    tokens: int = 0
    closed: bool = False
    set_aside: int = 0
    """For refunds that are under way."""
    keys: dict[tuple[str, str], Entry] = field(default_factory=dict)
    holds: list[Hold] = field(default_factory=list)

    @property
    def available(self) -> int:
        held = sum(hold.amount for hold in self.holds if hold.is_open)
        return self.tokens - held - self.set_aside

    def post(self, caller: str, key: str, entry: Entry) -> str:
        """A spend, a grant or an adjustment."""
        earlier = self.keys.get((caller, key))
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
        earlier = self.hold_under(key)
        if earlier:
            if earlier.feature != feature or (feature is None and earlier.amount != amount):
                raise Refused("idempotency_key_reused")
            return "replayed"
        if ("service", key) in self.keys:
            raise Refused("idempotency_key_reused")
        self.check_open()
        self._check_available(amount)
        self.holds.append(Hold(amount, key, feature))
        return "done"

    def hold_under(self, key: str) -> Hold | None:
        """A hold that was released or whose time has come has freed its key."""
        kept = [h for h in self.holds if h.key == key and (h.is_open or h.status == "captured")]
        return kept[0] if kept else None

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

    def check_open(self) -> None:
        if self.closed:
            raise Refused("wallet_not_found")

    def _check_available(self, amount: int) -> None:
        if self.available < amount:
            raise Refused("insufficient_tokens")
