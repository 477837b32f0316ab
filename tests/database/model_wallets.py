"""The rules of tokens a second time, in plain Python: the judge of the state machine.

Nothing here is taken from the SQL. One thing happens after the other, so there are no locks and no
clock. `Refused` is an error of the registry; any other answer is a word.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.database.model_lots import Book


NEVER = 1 << 40
FOR_LONG = NEVER >> 2


class Refused(Exception):  # noqa: N818 - what happened, in the product's own word
    pass


@dataclass(frozen=True)
class Entry:
    """The use of a key of a wallet."""

    kind: str
    delta: int
    feature: str | None = None
    is_capture: bool = False
    spend: Spend | None = None
    """The one that it gives back."""
    ends: int | None = None
    """The end of the lot that it makes; None = it makes none, or one that never ends."""
    name: str = field(default="", compare=False)
    """In the book of lots."""


@dataclass(frozen=True)
class Spend:
    """The place of a spend: the wallet in whose history it stands, and its key there."""

    wallet: Wallet
    caller: str
    key: str

    @property
    def entry(self) -> Entry:
        return self.wallet.keys[self.caller, self.key]

    @property
    def left(self) -> int:
        return -self.entry.delta - self.wallet.given_back.get((self.caller, self.key), 0)


@dataclass(eq=False)
class Hold:
    amount: int
    key: str
    feature: str | None
    status: str = "held"
    asked: int | None = None
    captured: int = 0
    overdue: bool = False
    id: object = None
    """The name that the database has for it."""
    name: str = ""
    """In the book of lots."""

    @property
    def is_open(self) -> bool:
        return self.status == "held" and not self.overdue

    @property
    def is_taken(self) -> bool:
        """Its key is in use."""
        return self.is_open or self.status == "captured"


@dataclass(eq=False)
class Wallet:
    place: int
    """The place of its user's id among all."""
    book: Book
    """Has the tokens of all, by lots."""
    closed: bool = False
    keys: dict[tuple[str, str], Entry] = field(default_factory=dict)
    given_back: dict[tuple[str, str], int] = field(default_factory=dict)
    """Of spends in its history."""
    holds: list[Hold] = field(default_factory=list)
    parts: list[Wallet] = field(default_factory=list)
    """Wallets that were merged into it, and into those."""
    owner: Wallet | None = None
    """The wallet that it is a part of."""

    @property
    def user(self) -> str:
        """In the book of lots."""
        return str(self.place)

    @property
    def tokens(self) -> int:
        return self.book.folded(self.user)[0]

    @property
    def available(self) -> int:
        return self.book.folded(self.user)[1]

    def post(self, caller: str, key: str, entry: Entry) -> str:
        """A spend, a grant or an adjustment."""
        place = self._entry_under(caller, key, entry)
        if place:
            earlier = place.entry
            same_price = entry.feature is not None or earlier.delta == entry.delta
            if (earlier.kind, earlier.feature) != (entry.kind, entry.feature) or not same_price:
                raise Refused("idempotency_key_reused")
            if earlier.is_capture:
                raise Refused("idempotency_key_reused")
            if earlier.kind == "spend" and place.left == 0:
                raise Refused("spend_refunded")
            return "replayed"
        self.check_open()
        if caller == "service":
            self._check_no_hold(key)
        if entry.delta < 0:
            self._check_available(-entry.delta)
        name = self.book.new_name()
        self.keys[caller, key] = replace(entry, name=name)
        if entry.delta > 0:
            self.book.give_tokens(self.user, entry.delta, entry.ends or NEVER)
        else:
            self.book.spend(self.user, self.book.tick(), name, -entry.delta)
        return "done"

    def give_back(self, key: str, caller: str, spend_key: str, amount: int | None) -> str:
        """Gives back what a spend of this user took, to whoever has its history."""
        spend = self._spend_under(caller, spend_key)
        owner = self.owner or self
        earlier = [
            wallet.keys["service", key]
            for wallet in (owner, *owner.parts)
            if ("service", key) in wallet.keys
        ]
        if earlier:
            same = [entry for entry in earlier if entry.spend == spend]
            if not same or amount not in (None, same[0].delta):
                raise Refused("idempotency_key_reused")
            return "replayed"
        owner.check_open()
        owner._check_no_hold(key)  # noqa: SLF001 - another wallet's
        given = spend.left if amount is None else amount
        if spend.left == 0 or given > spend.left:
            raise Refused("spend_refunded")
        owner.keys["service", key] = Entry("spend_refund", given, spend=spend)
        owner.book.give_back(owner.user, owner.book.tick(), spend.entry.name, given)
        place = (spend.caller, spend.key)
        spend.wallet.given_back[place] = spend.wallet.given_back.get(place, 0) + given
        return "done"

    def _spend_under(self, caller: str, key: str) -> Spend:
        places = [
            Spend(wallet, caller, key)
            for wallet in (self, *self.parts)
            if (caller, key) in wallet.keys and wallet.keys[caller, key].kind == "spend"
        ]
        own = [place for place in places if place.wallet is self]
        if len(own or places) != 1:
            raise Refused("spend_not_found")
        return (own or places)[0]

    def _check_no_hold(self, key: str) -> None:
        if any(hold.is_open and hold.key == key for hold in self.holds):
            raise Refused("idempotency_key_reused")

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
        name = self.book.new_name()
        self.holds.append(Hold(amount, key, feature, name=name))
        self.book.hold(self.user, self.book.tick(), name, amount, FOR_LONG)
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

    def _entry_under(self, caller: str, key: str, entry: Entry) -> Spend | None:
        """Its own, else one of those that became a part of it, if there is one that fits."""
        wallets = (self, *self._parts_in_order())
        places = [Spend(each, caller, key) for each in wallets if (caller, key) in each.keys]
        if places and places[0].wallet is self:
            return places[0]
        return next((place for place in places if place.entry == entry), next(iter(places), None))

    def _parts_in_order(self) -> list[Wallet]:
        return sorted(self.parts, key=lambda part: part.place)

    def capture(self, hold: Hold, amount: int, *, allow_overage: bool) -> str:
        if hold.asked == amount:
            return "replayed"
        if not hold.is_open:
            raise Refused("hold_resolved")
        if amount < 1 or (amount > hold.amount and not allow_overage):
            raise Refused("invalid_amount")
        beyond = min(max(amount - hold.amount, 0), max(self.available, 0))
        taken = min(amount, hold.amount) + beyond
        hold.status, hold.asked, hold.captured = "captured", amount, taken
        entry = Entry("spend", -taken, hold.feature, is_capture=True, name=hold.name)
        self.keys["service", hold.key] = entry
        now = self.book.tick()
        self.book.capture(self.user, now, hold.name, amount, overage=allow_overage)
        return "done"

    def release(self, hold: Hold) -> str:
        if not hold.is_open:
            raise Refused("hold_resolved")
        hold.status = "released"
        self.book.release(self.user, self.book.tick(), hold.name)
        return "done"

    def close(self) -> None:
        self.closed = True
        for hold in self.holds:
            if hold.is_open:
                self.book.release(self.user, self.book.tick(), hold.name)
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
        self.book.merge(self.user, self.book.tick(), other.user)
        self.closed = True
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
