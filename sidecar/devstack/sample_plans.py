"""Subscribers of the sample shop: plans that are charged, trials, and a price that is asked about.

Their cards are no gateway's: what is due after today is not charged.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.types.json import Jsonb

if TYPE_CHECKING:
    from devstack.sample_data import Shop

Row = dict[str, Any]

_SEED = 11
_FIRST_DAY = 12
_DECLINED = 0.06
_CARDS = (("현대", "4412"), ("신한", "5231"), ("삼성", "9010"), ("visa", "4242"))
_PLANS = ("plus", "plus", "plus", "pro")
_ASKED = """
select s.id, s.user_id, a.amount from coinslot.price_asks a
join public.token_subscriptions s on s.id = a.subscription_id
where a.answer is null and s.status = 'active' order by s.created_at, s.id
"""
# People of the seed, who can sign in: so many days ago one has subscribed, the other begun a trial.
_KNOWN = {15: ("mina@example.com", False), 5: ("alex@example.com", True)}


class Subscribers:
    def __init__(self, shop: Shop, days: int) -> None:
        self._shop = shop
        self._days = days
        self._chance = random.Random(_SEED)  # noqa: S311 - repeatable, not secret
        self._trying: list[Row] = []
        self._have: set[UUID] = set()

    def begin(self) -> None:
        self._shop.call("coinslot_set_plan", id="plus", trial_days=14, trial_tokens=30)

    def day(self, number: int) -> None:
        if number >= _FIRST_DAY and self._chance.random() < 0.4:
            found = [each for each in self._shop.people if each not in self._have]
            plan = self._chance.choice(_PLANS)
            tries = plan == "plus" and self._chance.random() < 0.5
            self.subscribe(self._chance.choice(found), plan, tries=tries)
        if known := _KNOWN.get(self._days - number):
            email, tries = known
            [person] = self._shop.database.execute(
                "select id from auth.users where email = %s", [email]
            ).fetchall()
            self.subscribe(person["id"], "plus", tries=tries, agrees=False)
        for trial in [each for each in self._trying if self._chance.random() < 0.1]:
            self._trying.remove(trial)
            self._agree(trial)
        self.charge()

    def subscribe(self, who: UUID, plan: str, *, tries: bool, agrees: bool = True) -> None:
        """With a card that nobody has, in won. Who tries it may agree to its price later."""
        shop = self._shop
        self._have.add(who)
        gateway = self._chance.choice(shop.gateways["KRW"])
        begun = shop.call("begin_token_method", who, gateway=gateway)["begin_token_method"]
        brand, last_four = self._chance.choice(_CARDS)
        shop.call(
            "coinslot_finish_method",
            method_id=UUID(begun["id"]),
            sealed="sample",
            key_hash=shop.key(),
            brand=brand,
            last_four=last_four,
        )
        made = shop.call(
            "subscribe_token_plan",
            who,
            plan_id=plan,
            gateway=gateway,
            currency="KRW",
            method_id=UUID(begun["id"]),
            consent=Jsonb({"text": "sample"}),
            trial="asked" if tries else None,
        )
        if tries and agrees:
            self._trying.append(made)
        self.charge(declined=0.0 if not agrees else _DECLINED)

    def charge(self, declined: float = _DECLINED) -> None:
        """Charges what is due now: nearly all of it is paid."""
        shop = self._shop
        while claimed := shop.call(
            "coinslot_claim_charges", gateways=shop.gateways["KRW"], batch=100
        )["coinslot_claim_charges"]:
            for each in claimed:
                if self._chance.random() < declined:
                    shop.call(
                        "coinslot_finish_charge",
                        charge_id=UUID(each["id"]),
                        lease=each["lease"],
                        outcome="hard",
                        reason="expired_card",
                    )
                else:
                    order = each["payment"]
                    shop.say(order, paid=order["amount"], taken_at=shop.now)

    def _agree(self, subscription: Row) -> None:
        """To what comes after a trial that still runs."""
        [now] = self._shop.database.execute(
            "select status, amount from public.token_subscriptions where id = %s",
            [subscription["id"]],
        ).fetchall()
        if now["status"] == "trialing":
            self._answer(subscription["id"], subscription["user_id"], now["amount"])

    def _answer(self, subscription: UUID, who: UUID, amount: int, *, agrees: bool = True) -> None:
        self._shop.call(
            "answer_token_price",
            who,
            subscription_id=subscription,
            agrees=agrees,
            amount=amount,
            consent=Jsonb({"text": "sample"}),
        )

    def end(self) -> None:
        """Leaves a higher price, and answers to it: a yes, a no, and none as yet."""
        shop = self._shop
        shop.call("coinslot_set_plan", id="plus", prices=Jsonb({"KRW": 11900, "USD": 990}))
        shop.call("coinslot_propose_price", plan_id="plus", currency="KRW")
        shop.call("coinslot_run_maintenance")
        asked = shop.database.execute(_ASKED).fetchall()
        for each, agrees in zip(asked, (True, False), strict=False):
            self._answer(each["id"], each["user_id"], each["amount"], agrees=agrees)
