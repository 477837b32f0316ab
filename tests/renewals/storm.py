"""A storm of renewals from beginning to end: the months, the calm after them, the verdict."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, LiteralString

from coinslot.errors import CoinslotError
from coinslot.services import opened
from tests.renewals.subscriber import Subscriber
from tests.renewals.verdict import SECOND, second_payments, unfair
from tests.storm.calm import Calm
from tests.storm.client import Client
from tests.storm.faults import Faults
from tests.storm.journal import Journal
from tests.storm.network import Network
from tests.storm.verdict import Database, Offence, offences, received
from tests.storm.world import StormStack
from tests.support.stacks import LocalStack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coinslot.services import Services
    from tests.storm.plan import Strike

GATEWAYS = ("toss", "stripe", "portone")
# How many live a month at the same time.
_AT_ONCE = 16
_MOST_ROUNDS = 20
_LEASES_OVER: LiteralString = (
    "update coinslot.cycle_charges set leased_until = clock_timestamp() where state = 'open'"
)
_DUE: LiteralString = (
    "update public.token_subscriptions set next_charge_at = clock_timestamp() "
    "where status = 'past_due' and needs is null"
)
_LEFT: LiteralString = (
    "select count(*) as n from public.token_subscriptions s where s.next_charge_at <= now() "
    "or s.status = 'past_due' or exists (select from coinslot.cycle_charges h "
    "join coinslot.subscription_cycles c on c.id = h.cycle_id "
    "where c.subscription_id = s.id and h.state = 'open')"
)
_FIGURES: LiteralString = """
select (select count(*) from coinslot.subscription_cycles where status = 'paid') as "periods paid",
  (select count(*) from coinslot.cycle_charges) as charges,
  (select count(*) from coinslot.cycle_charges where looks > 1) as "looked up again",
  (select count(*) from coinslot.discrepancies where kind = 'duplicate_payment') as "paid twice",
  (select count(*) from coinslot.discrepancies d where d.kind = 'duplicate_payment'
    and d.resolved_at is null) as "paid twice, left for a person",
  (select count(*) from public.token_subscriptions) as subscriptions
"""


class RenewalStack(StormStack):
    sidecars_have: ClassVar[dict[str, str]] = {
        **StormStack.sidecars_have,
        "COINSLOT_CHARGE_SECONDS": "1",
    }


class RenewalStorm:
    def __init__(
        self, stack: RenewalStack, subscribers: int, months: int, strikes: Sequence[Strike],
        seed: int,
    ) -> None:  # fmt: skip
        self.journal = Journal()
        self.database = Database(stack)
        self.seed = seed
        self._stack = stack
        self._number = subscribers
        self._months = months
        self._strikes = strikes

    async def run(self) -> list[Offence]:
        local = LocalStack(self._stack)
        people = [await asyncio.to_thread(local.sign_up) for _ in range(self._number)]
        sidecars = self._stack.sidecar_urls()
        client = Client(local, sidecars, self.journal)
        self._everybody = [
            Subscriber(
                number, GATEWAYS[number % 3], person, client, self.database,
                self._stack.settings.database_url(), self.journal, self.seed,
            )
            for number, person in enumerate(people)
        ]  # fmt: skip
        self._faults = Faults(self._strikes, self._stack, client, self.journal)
        network = Network(sidecars, self.journal, self.seed)
        async with network.open() as address:
            await self._faults.begin(address)
            began = time.monotonic()
            await self._rage()
            await self._faults.end()
            self.journal.counts["storm seconds"] = round(time.monotonic() - began)
            network.calm = True
            async with opened(self._stack.sidecar_settings()) as services:
                calm = Calm(self._stack, services, client, self.journal)
                await self._calm(services)
                await calm.until_idle()
                await self._calm(services)
                agreed = await self._agree(services)
                await calm.until_idle()
            money = await received(client)
        await client.close()
        self.journal.counts.update(self.database.rows(_FIGURES)[0])
        return [
            *offences(self.database, self.journal, money, self._stack.sidecar_logs()),
            *unfair(self.database, money),
            *second_payments(self.database, money, agreed, self._number * self._months),
        ]

    async def _rage(self) -> None:
        room = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._faults.strike())
            for each in self._everybody:
                tasks.create_task(self._lives(each, room))

    async def _lives(self, subscriber: Subscriber, room: asyncio.Semaphore) -> None:
        for _ in range(self._months):
            async with room:
                await subscriber.live()
            await self._faults.step()

    async def _calm(self, services: Services) -> None:
        """Until everybody has paid, or has left."""
        for number in range(_MOST_ROUNDS):
            self.journal.counts["rounds of charges"] = number
            if not self.database.rows(_LEFT)[0]["n"]:
                return
            self.database.run(_LEASES_OVER)
            self.database.run(_DUE)
            with suppress(CoinslotError):
                await services.charges.work_off()
            for each in self._everybody:
                await each.decide()
                await each.mend()

    async def _agree(self, services: Services) -> set[str]:
        """A person agrees to every other refund that is proposed of a second payment."""
        orders = sorted(row["order_id"] for row in self.database.rows(SECOND))
        for order in orders[::2]:
            await services.refunds.accept(order)
            self.journal.count("paid twice, sent back")
        return set(orders[::2])
