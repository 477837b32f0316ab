"""Somebody who subscribes at any gateway: stores a card, is charged, and has time pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.support.gateways import PORTONE_V1, PORTONE_V2, STRIPE, TOSS

if TYPE_CHECKING:
    import httpx

    from tests.support.checkouts import Checkout

Json = dict[str, Any]

PLAN, PRICE, TOKENS = "plus", 9900, 300
# By which a charge is told from other calls.
CHARGE_PATHS = {
    TOSS.name: "/v1/billing/",
    STRIPE.name: "/confirm",
    PORTONE_V1.name: "/payments/again",
    PORTONE_V2.name: "/billing-key",
}
# The name of a card, as the page that opens the window for it has it.
_NAMES = ("customerKey", "issueId", "customer_uid", "clientSecret")

SUBSCRIBED = """
with plan as (
  select coinslot.set_plan(
    'plus', 'month', 'Plus', '플러스', 300, '{"KRW": 9900, "USD": 790}', 'main', 'none'
  ) ->> 'id' as id
), made as (
  insert into public.token_subscriptions (
    user_id, plan_id, family, gateway, live, status, every, amount, currency, tokens, rollover,
    time_zone, anchor, period_start, period_end
  )
  select %(user)s, p.id, 'main', 'portone', false, 'active', 'month', 9900, 'KRW', 300, 'none',
    'UTC', now(), now(), now() + interval '1 month'
  from plan p returning id, user_id
)
insert into public.token_subscription_events (subscription_id, user_id, event, to_status)
select m.id, m.user_id, 'started', 'active' from made m
"""
"""As the owner: somebody has subscribed, and nobody charges them before a month is over."""

OVER = """
with moved as (
  select s.id, s.number, s.anchor, s.zone from (
    select t.id, t.time_zone as zone, t.period as number, (
      (clock_timestamp() - interval '1 minute') at time zone t.time_zone
      - (t.period + 1) * case t.every when 'year' then interval '1 year' else interval '1 month' end
    ) at time zone t.time_zone as anchor
    from public.token_subscriptions t where t.id = %(id)s
  ) s
), cycles as (
  update coinslot.subscription_cycles c set
    period_start = coinslot.period_at(m.anchor, m.zone, c.every, c.number),
    period_end = coinslot.period_at(m.anchor, m.zone, c.every, c.number + 1)
  from moved m where c.subscription_id = m.id
)
update public.token_subscriptions t set
  anchor = m.anchor, next_charge_at = clock_timestamp(),
  period_start = coinslot.period_at(m.anchor, m.zone, t.every, m.number),
  period_end = coinslot.period_at(m.anchor, m.zone, t.every, m.number + 1)
from moved m where t.id = m.id
"""
TRIED = """
update public.token_subscriptions t set next_charge_at = clock_timestamp(),
  anchor = clock_timestamp() - interval '1 minute',
  period_start = t.period_start - interval '30 days',
  period_end = clock_timestamp() - interval '1 minute'
where t.id = %(id)s
"""
UNANSWERED = """
update coinslot.cycle_charges h set leased_until = clock_timestamp()
from coinslot.subscription_cycles c
where c.id = h.cycle_id and c.subscription_id = %(id)s and h.state = 'open'
"""
DUE = """
update public.token_subscriptions t set next_charge_at = clock_timestamp()
where t.id = %(id)s and t.next_charge_at is not null
"""


@dataclass
class Subscriber:
    """The buyer of a checkout. `card` is the stored card as the simulator knows it."""

    checkout: Checkout
    card: str = ""
    id: str = ""

    async def prepare(self) -> None:
        """The shop sells the plan of its seed, and may charge stored cards."""
        shop = self.checkout.shop
        with shop.stack.connect() as connection:
            connection.execute(
                "select public.coinslot_set_plan(%s, 'month', 'Plus', '플러스', %s, %s::jsonb)",
                (PLAN, TOKENS, f'{{"KRW": {PRICE}, "USD": 790}}'),
            )
        gateway = self.checkout.driver.gateway
        await shop.rpc("coinslot_set_unattended", gateway=gateway, unattended="periodic")

    async def post(self, path: str, **body: object) -> httpx.Response:
        shop = self.checkout.shop
        return await shop.http.post(f"{shop.sidecar}/billing/{path}", json=body, headers=shop.jwt)

    async def begin(self) -> tuple[str, str]:
        """The id of a method that is about to be stored, and the card's name in the window."""
        begun = await self.post("methods", gateway=self.checkout.driver.gateway)
        assert begun.status_code == 200, begun.text
        browser = begun.json()["browser"]
        name = next(browser[each] for each in _NAMES if each in browser)
        return begun.json()["method_id"], name.partition("_secret_")[0]

    async def store(self) -> str:
        """The id of a method that was stored."""
        method, self.card = await self.begin()
        carried = await self.checkout.shop.play("register", customer=self.card)
        stored = await self.post(f"methods/{method}/stored", carried=carried)
        assert stored.status_code == 200, stored.text
        assert stored.json()["method"]["status"] == "active"
        return method

    async def plan(self, *courses: str) -> None:
        """Plans the course of the card's next charges."""
        await self.checkout.shop.play(f"cards/{self.card}", "PUT", next=courses)

    async def subscribe(self, method: str, **given: str) -> Json:
        made = await self.post(
            "subscriptions",
            planId=PLAN,
            gateway=self.checkout.driver.gateway,
            currency="KRW",
            methodId=method,
            consent={"text": "v1"},
            **given,
        )
        assert made.status_code == 200, made.text
        self.id = made.json()["subscription"]["id"]
        # The server's own look at what is due may have come first, and be at it still.
        await self.checkout.shop.until(lambda: not self.open_charges())
        return await self.shown()

    async def subscribed(self) -> None:
        """Stores a card, and has paid for the first period."""
        shown = await self.subscribe(await self.store())
        assert shown["status"] == "active", shown

    async def charged(self, *, answered: bool = True) -> Json:
        """The subscription, once what is due of it was charged, by whoever came first, and was
        answered."""
        answer = await self.post(f"subscriptions/{self.id}/charge")
        assert answer.status_code == 200, answer.text
        shop = self.checkout.shop
        await shop.until(lambda: not self._select("next_charge_at <= clock_timestamp()"))
        if answered:
            await shop.until(lambda: not self.open_charges())
        return await self.shown()

    async def shown(self) -> Json:
        shop = self.checkout.shop
        found: list[Json] = await shop.rpc("list_token_subscriptions", shop.buyer)
        return next(each for each in found if each["id"] == self.id)

    def tried(self) -> None:
        """The trial has ended a minute ago."""
        self._change(TRIED)

    def over(self) -> None:
        """The period has ended a minute ago."""
        self._change(OVER)

    def due(self) -> None:
        """It is time for what is planned."""
        self._change(DUE)

    def unanswered(self) -> None:
        """Ends the lease of a charge that got no answer."""
        self._change(UNANSWERED)

    def open_charges(self) -> int:
        found = self.checkout.shop.select(
            "select count(*) from coinslot.cycle_charges h join coinslot.subscription_cycles c "
            "on c.id = h.cycle_id where c.subscription_id = %s and h.state = 'open'",
            self.id,
        )
        return int(found[0][0])

    def paid_cycles(self) -> int:
        found = self.checkout.shop.select(
            "select count(*) from coinslot.subscription_cycles c "
            "where c.subscription_id = %s and c.status = 'paid'",
            self.id,
        )
        return int(found[0][0])

    async def taken(self) -> list[int]:
        """Money that the gateway's own books have taken of this person, payment by payment."""
        orders = {
            order_id
            for (order_id,) in self.checkout.shop.select(
                "select order_id from token_payments where user_id = %s",
                self.checkout.shop.buyer.id,
            )
        }
        kept = (await self.checkout.shop.play("payments", "GET"))["payments"]
        moneys = map(self.checkout.driver.money, kept)
        return [each.paid for each in moneys if each.order_id in orders and each.paid]

    def _select(self, condition: str) -> bool:
        query = "select id from token_subscriptions where id = %s and " + condition
        return bool(self.checkout.shop.select(query, self.id))

    def _change(self, statement: str) -> None:
        with self.checkout.shop.stack.connect() as connection:
            connection.execute(statement, {"id": self.id})
