"""The world of the state machine: its people, their holds and orders, and both of each step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID, uuid4

from hypothesis.stateful import RuleBasedStateMachine
from psycopg.rows import DictRow

from tests.database.gateway_reports import GatewayReport, applied
from tests.database.model_lots import FAR, Book
from tests.database.model_payments import Order, Read
from tests.database.model_refunds import GatewaysWithRefunds
from tests.database.model_wallets import Entry, Hold, Refused, Spend, Wallet
from tests.database.people import Answer, Bank, Call, Connection, Refusal

LASTS_A_MONTH = "standard"
"""The product whose tokens expire."""

SHARED = 5
"""The attempt that several orders may claim."""

MAX_OPEN_ORDERS = 4
"""Few, so that the limit is met."""


@dataclass(frozen=True)
class Step:
    """A call, what the model makes of it, and what an answer must be that is no refusal."""

    call: Call
    modelled: Callable[[], str]
    check: Callable[[DictRow], None] = lambda _: None


@dataclass(eq=False)
class ModelUser:
    id: UUID
    email: str
    wallet: Wallet
    is_gone: bool = False


@dataclass(frozen=True)
class World:
    """The database all examples meet in, its catalogue, and what is counted over all of them."""

    bank: Bank
    connection: Connection
    bonus: int
    token_features: dict[str, int]
    offers: dict[str, tuple[int, int]]
    """Won and tokens of each product."""
    operators: dict[str, UUID]
    """One of each role."""
    played: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, bank: Bank, connection: Connection) -> World:
        bank.change("update coinslot.settings set max_open_orders = %s", MAX_OPEN_ORDERS)
        bank.change("update coinslot.settings set max_unpaid_orders_per_hour = 1000000")
        bank.change("select coinslot.set_product(%s, 'A', prices => %s)", *_SINGLE_THING)
        bank.change("update token_products set tokens_last_days = 30 where id = %s", LASTS_A_MONTH)
        [bonus] = bank.rows("select signup_bonus from coinslot.settings")
        prices = bank.rows("select feature, tokens from token_features")
        offers = bank.rows("select id, amount, tokens from token_offers where currency = 'KRW'")
        return cls(
            bank,
            connection,
            bonus["signup_bonus"],
            {row["feature"]: row["tokens"] for row in prices},
            {row["id"]: (row["amount"], row["tokens"]) for row in offers},
            {role: bank.operator(role) for role in ("support", "finance", "owner")},
        )


class MachineBase(RuleBasedStateMachine):
    """Users of one example have neighbouring ids, so that one range audits them all."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.bank = world.bank
        self.first = UUID(int=uuid4().int >> 16 << 16)
        self.beyond = UUID(int=self.first.int + (1 << 16))
        self.people: list[ModelUser] = []
        self.bonuses: set[str] = set()
        self.gateways = GatewaysWithRefunds(world.offers)
        self.orders: list[Order] = []
        self.steps: list[Step] = []
        self.looks: list[Step] = []
        self.book = Book()
        self.merges: dict[str, tuple[ModelUser, ModelUser]] = {}

    def _do(self, step: Step) -> None:
        try:
            expected = step.modelled()
        except Refused as refused:
            expected = str(refused)
        answer = step.call(self.world.connection)
        assert _heard(answer) == expected
        if not isinstance(answer, Refusal):
            step.check(answer)
        self.world.played.update([step.call.rpc, expected])
        self.steps.append(step)

    def _sign_up(self, email: str, *, confirmed: bool) -> ModelUser:
        place = len(self.people)
        person = ModelUser(UUID(int=self.first.int + place), email, Wallet(place, self.book))
        self.bank.change(_SIGN_UP, person.id, email, confirmed)
        self.people.append(person)
        if confirmed:
            self._give_bonus(person)
        return person

    def _free_addresses(self) -> list[str]:
        taken = {person.email for person in self.people if not person.is_gone}
        return sorted({person.email for person in self.people} - taken)

    def _give_bonus(self, person: ModelUser) -> None:
        """Once for each address, however often it is confirmed, and not to somebody deleted."""
        if person.email not in self.bonuses and not person.wallet.closed:
            self.bonuses.add(person.email)
            self.book.give_tokens(person.wallet.user, self.world.bonus)

    def _add(
        self, person: ModelUser, amount: int, key: str, kind: str, year: int | None = None
    ) -> None:
        """Lasts until a year far away, or for ever."""
        arguments: dict[str, object] = {"user_id": person.id, "amount": amount, "kind": kind}
        if year is not None:
            arguments["expires_at"] = f"{year}-01-01T00:00:00Z"
        ends = FAR + year if year is not None else None
        posted = partial(person.wallet.post, "service", key, Entry(kind, amount, ends=ends))
        self._do(Step(Call("add_tokens", arguments | {"idempotency_key": key}), posted))

    def _what(self, amount: int, feature: str | None) -> dict[str, object]:
        return {"amount": amount} if feature is None else {"feature": feature}

    def _price(self, amount: int, feature: str | None) -> int:
        return amount if feature is None else self.world.token_features[feature]

    def _person(self, n: int) -> ModelUser:
        return self.people[-1 - n % len(self.people)]

    def _order(self, n: int) -> Order:
        return self.orders[-1 - n % len(self.orders)]

    def _holds(self) -> list[tuple[Wallet, Hold]]:
        return [(p.wallet, hold) for p in self.people for hold in p.wallet.holds]

    def _spends(self) -> list[Spend]:
        return [
            Spend(person.wallet, caller, key)
            for person in self.people
            for (caller, key), entry in person.wallet.keys.items()
            if entry.kind == "spend"
        ]

    def _hold(self, n: int) -> tuple[Wallet, Hold]:
        holds = self._holds()
        return holds[-1 - n % len(holds)]

    def _capture_in_model(self, hold: Hold, amount: int, allow_overage: bool) -> str:
        return self._wallet_of(hold).capture(hold, amount, allow_overage=allow_overage)

    def _extend_in_model(self, hold: Hold) -> str:
        if not hold.is_open:
            raise Refused("hold_resolved")
        return "done"

    def _release_in_model(self, hold: Hold) -> str:
        return self._wallet_of(hold).release(hold)

    def _wallet_of(self, hold: Hold) -> Wallet:
        return next(wallet for wallet, each in self._holds() if each is hold)

    def _order_in_model(self, wallet: Wallet, product: str, key: str | None) -> str:
        wallet.check_open()
        earlier = self._order_under(wallet, key)
        open_orders = [o for o in self.orders if o.wallet is wallet and o.is_open]
        if earlier is None and len(open_orders) >= MAX_OPEN_ORDERS:
            raise Refused("too_many_orders")
        if earlier is None:
            amount, tokens = self.world.offers[product]
            ends = product == LASTS_A_MONTH
            order = Order(wallet, product, "portone", amount, "KRW", tokens, key, ends=ends)
            self.orders.append(order)
        elif earlier.product != product:
            raise Refused("idempotency_key_reused")
        return "done"

    def _order_under(self, wallet: Wallet, key: str | None) -> Order | None:
        own = [o for o in self.orders if o.wallet is wallet and o.key == key and key is not None]
        return own[0] if own else None

    def _is_same_order(self, wallet: Wallet, key: str | None, answer: DictRow) -> None:
        """The order of the earlier call, or the one that has just been made."""
        order = self._order_under(wallet, key) or self.orders[-1]
        order.id = order.id or answer["order_id"]
        assert answer["order_id"] == order.id

    def _look(self, n: int, attempt: int, report: GatewayReport) -> Step:
        """A read that begins now, whenever it is applied."""
        order = self._order(n)
        place = self.first if attempt == SHARED else order.id
        return self._begun(order, report.of(order, f"{attempt} {place}"))

    def _begun(self, order: Order, read: Read) -> Step:
        version = order.version
        return Step(
            applied(order.id, read, version),
            partial(self.gateways.apply, order, read, version),
        )

    def _paid_orders(self) -> list[Order]:
        return [order for order in self.orders if order.counted]


def is_same_hold(
    wallet: Wallet, key: str, amount: int, feature: str | None, answer: DictRow
) -> None:
    """The hold of the earlier call, or the one that has just been made."""
    hold = wallet.hold_under(key, amount, feature)
    assert hold is not None
    hold.id = hold.id or answer["id"]
    assert answer["id"] == hold.id


def is_same_capture(hold: Hold, answer: DictRow) -> None:
    assert hold.asked is not None
    assert (-answer["delta"], answer["missing"]) == (hold.captured, hold.asked - hold.captured)


def _heard(answer: Answer) -> str:
    if isinstance(answer, Refusal):
        return answer.message
    return str(answer.get("outcome") or ("replayed" if answer.get("replayed") else "done"))


_SINGLE_THING = ("premium_reading", '{"KRW": 13000}')
_SIGN_UP = """
insert into auth.users (id, email, email_confirmed_at, raw_user_meta_data)
values (%s, %s, case when %s then now() end, '{"role": "owner"}')
"""
