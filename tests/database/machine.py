"""Anything in any order: calls of the RPCs, each with what the model makes of the same thing."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.database.account_rules import AccountRules
from tests.database.gateway_reports import PAID, GatewayReport, refund_reports, reports
from tests.database.lot_statements import END_LOT, FOLD_ALL, LOTS
from tests.database.machine_base import Step, is_same_capture, is_same_hold
from tests.database.model_wallets import Entry
from tests.database.order_statements import OVERDUE, PAST, PRICE
from tests.database.people import (
    EXPIRE_HOLD,
    Call,
    Refusal,
    cancel_order,
    maintain,
    refund_spend,
)
from tests.lots.terms import Parts

AUDIT_EVERY = 10
_WALLETS = """
select w.user_id, w.tokens, coinslot.available(w) as available, w.closed_at is not null as closed
from token_wallets w where w.user_id >= %s and w.user_id < %s
"""
_ORDERS = """
select p.order_id, p.status, p.version, p.paid, p.refunded, coalesce(
  (select sum(l.delta) from token_ledger l where l.payment_id = p.id), 0
) as given
from token_payments p where p.user_id >= %s and p.user_id < %s
"""
_OPEN_DISCREPANCIES = """
select order_id, gateway, payment_key from coinslot.discrepancies
where resolved_at is null and order_id = any(%s)
"""

which = st.integers(0, 5)
keys = st.sampled_from(["a", "b", "c"])
years = st.sampled_from([None, 9000, 9001])
callers = st.sampled_from(["user", "service"])
amounts = st.integers(1, 12)
features = st.sampled_from([None, None, "question", "answer"])
products = st.sampled_from(["starter", "standard", "premium_reading"])


class Machine(AccountRules):
    """Rules, and what must hold after each of them."""

    @initialize(tokens=st.lists(st.integers(1, 20), min_size=3, max_size=3), paid=st.integers(0, 2))
    def open(self, tokens: list[int], paid: int) -> None:
        """Three people, an order of each, and how many of these are paid."""
        self.world.played["examples"] += 1
        for number, amount in enumerate(tokens):
            person = self._sign_up(f"{number}.{self.first}@example.com", confirmed=False)
            self._add(person, amount, "opening", "grant")
            self.order(0, "starter", None)
            if number < paid:
                self.pay(0, 0)

    # ---- wallets ----

    @rule(n=which, caller=callers, amount=amounts, key=keys, feature=features)
    def spend(self, n: int, caller: str, amount: int, key: str, feature: str | None) -> None:
        person = self._person(n)
        name = "use_feature" if feature else "spend_tokens"
        arguments = self._what(amount, feature) | {"idempotency_key": key}
        if caller == "user":
            call = Call(name, arguments, person.id)
        else:
            call = Call(f"{name}_for", arguments | {"user_id": person.id})
        entry = Entry("spend", -self._price(amount, feature), feature)
        self._do(Step(call, partial(person.wallet.post, caller, key, entry)))

    @rule(n=which, amount=st.integers(-9, 9).filter(bool), key=keys, year=years)
    def add(self, n: int, amount: int, key: str, year: int | None) -> None:
        kind = "grant" if year and amount > 0 else "adjustment"
        self._add(self._person(n), amount, key, kind, year if amount > 0 else None)

    @precondition(lambda self: self.book.rows)
    @rule(n=st.integers(0, 20))
    def the_time_of_a_lot_comes(self, n: int) -> None:
        """Spends are drawn first: no end ever changes while they wait for a fold."""
        number = len(self.book.rows) - n % len(self.book.rows)
        if self.book.rows[number].lot.expires_at > self.book.tick():
            self.bank.change(FOLD_ALL, self.first, self.beyond)
            self.bank.change(END_LOT, self.first, self.beyond, number - 1)
            self.book.end_lot(number)

    @rule(n=which, amount=amounts, key=keys, feature=features)
    def hold(self, n: int, amount: int, key: str, feature: str | None) -> None:
        person = self._person(n)
        arguments = self._what(amount, feature) | {"user_id": person.id, "idempotency_key": key}
        call = Call("hold_feature_for" if feature else "hold_tokens_for", arguments)
        price = self._price(amount, feature)
        made = partial(person.wallet.hold, price, key, feature)
        self._do(Step(call, made, partial(is_same_hold, person.wallet, key, price, feature)))

    @precondition(lambda self: self._holds())
    @rule(n=which, amount=st.none() | amounts, overage=st.booleans())
    def capture(self, n: int, amount: int | None, overage: bool) -> None:
        _, hold = self._hold(n)
        arguments = {"hold_id": hold.id, "amount": amount, "allow_overage": overage}
        asked = hold.amount if amount is None else amount
        captured = partial(self._capture_in_model, hold, asked, overage)
        call = Call("capture_token_hold", arguments)
        self._do(Step(call, captured, partial(is_same_capture, hold)))

    @precondition(lambda self: self._holds())
    @rule(n=which)
    def extend(self, n: int) -> None:
        _, hold = self._hold(n)
        call = Call("extend_token_hold", {"hold_id": hold.id, "ttl_seconds": 900})
        self._do(Step(call, partial(self._extend_in_model, hold)))

    @precondition(lambda self: self._spends())
    @rule(n=st.integers(0, 20), key=keys, amount=st.none() | amounts, by_owner=st.booleans())
    def give_back(self, n: int, key: str, amount: int | None, by_owner: bool) -> None:
        """A spend, to the user who spent or to the one who has their history."""
        spends = self._spends()
        spend = spends[-1 - n % len(spends)]
        wallet = (spend.wallet.owner or spend.wallet) if by_owner else spend.wallet
        person = next(each for each in self.people if each.wallet is wallet)
        call = refund_spend(person.id, f"back {key}", spend.key, amount, spend.caller)
        arguments = (f"back {key}", spend.caller, spend.key, amount)
        self._do(Step(call, partial(wallet.give_back, *arguments)))

    @precondition(lambda self: self._holds())
    @rule(n=which)
    def release(self, n: int) -> None:
        _, hold = self._hold(n)
        call = Call("release_token_hold", {"hold_id": hold.id})
        self._do(Step(call, partial(self._release_in_model, hold)))

    @precondition(lambda self: self._holds())
    @rule(n=which)
    def the_time_of_a_hold_comes(self, n: int) -> None:
        _, hold = self._hold(n)
        if hold.status == "held":
            self.bank.change(EXPIRE_HOLD, hold.id)
            hold.overdue = True
            self.book.end_hold(hold.name)

    @rule(n=which)
    def read_balance(self, n: int) -> None:
        person = self._person(n)
        answer = Call("get_user_tokens", {}, person.id)(self.world.connection)
        shown = 0 if person.wallet.closed else person.wallet.available
        assert answer == {"get_user_tokens": shown}
        listed = Call("list_token_holds", {}, person.id).all(self.world.connection)
        found = sorted(hold.amount for hold in person.wallet.holds if hold.is_open)
        assert sorted(row["amount"] for row in listed) == found

    # ---- orders, and what gateways say of them ----

    @rule(n=which, product=products, key=st.none() | keys)
    def order(self, n: int, product: str, key: str | None) -> None:
        person = self._person(n)
        arguments = {"product_id": product, "gateway": "portone", "idempotency_key": key}
        call = Call("create_token_order", arguments, person.id)
        made = partial(self._order_in_model, person.wallet, product, key)
        self._do(Step(call, made, partial(self._is_same_order, person.wallet, key)))

    @rule(n=which, by=st.sampled_from([0, 0, 0, 1]))
    def cancel(self, n: int, by: int) -> None:
        """By the buyer, or by somebody else."""
        order = self._order(n)
        owner = next(place for place, p in enumerate(self.people) if p.wallet is order.wallet)
        person = self.people[owner - by]
        call = cancel_order(person.id, order.id)
        self._do(Step(call, partial(order.cancel, person.wallet)))

    @rule(n=which)
    def the_time_of_an_order_comes(self, n: int) -> None:
        order = self._order(n)
        if not order.is_past:
            order.overdue = True
            self.bank.change(OVERDUE, order.id)

    @rule(n=which)
    def the_grace_of_an_order_is_over(self, n: int) -> None:
        order = self._order(n)
        order.overdue = order.is_past = True
        self.bank.change(PAST, order.id)

    @rule(product=products)
    def price_changes(self, product: str) -> None:
        amount, tokens = self.world.offers[product]
        amount += 1 if amount % 10 == 0 else -1
        self.world.offers[product] = amount, tokens
        self.bank.change(PRICE, amount, product)

    @precondition(lambda self: len(self.steps) > 10)
    @rule(product=products)
    def void(self, product: str) -> None:
        """By the shop: all orders of a product, those of other examples as well."""
        for order in self.orders:
            if order.product == product and order.paid == 0 and order.can_be_voided:
                order.voided, order.status = True, "voided"
        call = Call("void_token_orders_for", {"product_id": product})
        assert not isinstance(call(self.world.connection), Refusal)

    @rule(n=which, attempt=st.integers(0, 1))
    def pay(self, n: int, attempt: int) -> None:
        self._do(self._look(n, attempt, PAID))

    @rule(n=which, attempt=which, report=reports)
    def read(self, n: int, attempt: int, report: GatewayReport) -> None:
        self._do(self._look(n, attempt, report))

    @rule(n=which, attempt=which, report=reports)
    def read_slowly(self, n: int, attempt: int, report: GatewayReport) -> None:
        """Begun now, applied when others may have been."""
        self.looks.append(self._look(n, attempt, report))

    @precondition(lambda self: self._paid_orders())
    @rule(n=which, back=refund_reports)
    def money_goes_back(self, n: int, back: GatewayReport) -> None:
        """Or comes again: what a gateway says of the attempt that counts."""
        paid = self._paid_orders()
        order = paid[-1 - n % len(paid)]
        assert order.counted
        self._do(self._begun(order, back.of(order, order.counted.read.key)))

    @precondition(lambda self: self.looks)
    @rule(n=which)
    def slow_read_comes_back(self, n: int) -> None:
        self._do(self.looks.pop(n % len(self.looks)))

    # ---- time ----

    @rule()
    def maintain(self) -> None:
        assert not isinstance(maintain()(self.world.connection), Refusal)
        for order in self.orders:
            order.expire()

    @precondition(lambda self: self.steps)
    @rule(n=st.integers(0, 50))
    def replay(self, n: int) -> None:
        self._do(self.steps[-1 - n % len(self.steps)])

    # ---- what must hold after each of them ----

    @invariant()
    def everything_agrees(self) -> None:
        self._wallets_agree()
        self._orders_agree()
        self._refunds_agree()
        self._money_without_tokens_waits_for_a_person()
        self.world.played["steps"] += 1
        if self.world.played["steps"] % AUDIT_EVERY == 0:
            self.teardown()

    def teardown(self) -> None:
        unsound = "select * from coinslot.verify_ledger(%s, %s)"
        assert not self.bank.rows(unsound, self.first, self.beyond)

    def _wallets_agree(self) -> None:
        """After a fold that nobody writes down."""
        with self.world.connection.transaction(force_rollback=True):
            between = [self.first, self.beyond]
            self.world.connection.execute(FOLD_ALL, between)
            rows = self.world.connection.execute(_WALLETS, between).fetchall()
            lots = self.world.connection.execute(LOTS, between).fetchall()
        found = {row.pop("user_id"): tuple(row.values()) for row in rows}
        assert found == {
            p.id: (p.wallet.tokens, p.wallet.available, p.wallet.closed) for p in self.people
        }
        by_user: dict[UUID, list[Parts]] = {person.id: [] for person in self.people}
        for row in lots:
            by_user[row.pop("user_id")].append(Parts(**row))
        assert by_user == {p.id: self.book.parts(p.wallet.user) for p in self.people}

    def _orders_agree(self) -> None:
        rows = self.bank.rows(_ORDERS, self.first, self.beyond)
        found = {row.pop("order_id"): tuple(row.values()) for row in rows}
        assert found == {
            o.id: (o.status, o.version, o.paid, o.refunded, o.given) for o in self.orders
        }

    def _money_without_tokens_waits_for_a_person(self) -> None:
        rows = self.bank.rows(_OPEN_DISCREPANCIES, [order.id for order in self.orders])
        found = {tuple(row.values()) for row in rows}
        assert found >= {
            (attempt.order.id, *place)
            for place, attempt in self.gateways.attempts.items()
            if attempt.read.has_money and not attempt.credited
        }
