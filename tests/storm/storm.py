"""A storm from beginning to end: the buyers and the faults, the calm after them, the verdict."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, LiteralString

from coinslot.services import opened
from tests.storm import plan
from tests.storm.buyers import Buyers
from tests.storm.calm import Calm
from tests.storm.client import Client
from tests.storm.faults import Faults
from tests.storm.journal import Journal
from tests.storm.merchants import Merchants
from tests.storm.movers import Movers
from tests.storm.moves import moves
from tests.storm.network import Network
from tests.storm.ownership import follow, misplaced
from tests.storm.silence import Silence
from tests.storm.spenders import Spenders
from tests.storm.verdict import Database, Offence, offences, received
from tests.support.stacks import LocalStack, Person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.storm.journal import Bought
    from tests.storm.world import StormStack
    from tests.support.gateways.driver import Money

# Purchases under way at one time, and how far behind each is followed up.
_AT_ONCE = 24
_LAG = 60
_LASTS: LiteralString = "select coinslot.set_product('standard', tokens_last_days => 5)"
"""Its tokens outlive the storm, and not the silence."""
_RULES: LiteralString = """
select coinslot.set_refill('storm', 3, 'day', 'UTC', 'replace', null, true, '');
select coinslot.set_promotion(
  'storm', '{"kind": "percent", "percent_off": 10, "max_uses_per_user": 1000}', ''
);
select coinslot.set_code('storm', 'storm', 50, true, '');
select coinslot.set_tiers('starter', '{"2": 5}', '');
update coinslot.settings set code_reservation = '5 s', referral_reward = 20, referral_bonus = 10,
  referral_wait = '0'
"""
"""Every use of a wallet is granted a refill; a few have a code, which others want as well; whoever
buys was invited."""
_EXPIRED: LiteralString = "select count(*) as n from public.token_ledger where kind = 'expiry'"


class Storm:
    def __init__(
        self,
        stack: StormStack,
        purchases: list[plan.Purchase],
        strikes: list[plan.Strike],
        seed: int,
    ) -> None:
        self.journal = Journal()
        self._stack = stack
        self.database = Database(stack)
        self._plans = deque(purchases)
        self._strikes = strikes
        self.seed = seed
        self._later: deque[Bought] = deque()

    async def run(self) -> list[Offence]:
        """The offences that are left in the end."""
        local = LocalStack(self._stack)
        self.database.run(_LASTS)
        self.database.run(_RULES)
        people = [await asyncio.to_thread(local.sign_up) for _ in range(plan.USERS)]
        async with self._begun(local, people) as (client, network):
            await self._invite(client, people)
            with self._timed("storm seconds"):
                await self._rage()
                await self._faults.end()
            network.calm = True
            with self._timed("calm seconds"):
                async with opened(self._stack.sidecar_settings()) as services:
                    await Calm(self._stack, services, client, self.journal).until_idle()
                await self._movers.finish()
            before = self._expired("in the storm")
            found = self._offences(await received(client))
            network.silent = True
            with self._timed("silent seconds"):
                silence = Silence(self._stack, client, self.journal)
                await silence.fall()
                async with opened(self._stack.sidecar_settings()) as services:
                    await silence.end(services)
                    await services.database.as_service().run_maintenance()
            self._expired("in the silence", before)
            return found + self._offences(await received(client), ", after the silence")

    async def _invite(self, client: Client, people: list[Person]) -> None:
        """The first of them invites all others."""
        host, *guests = people
        invitation = await client.rpc("get_token_invitation", host)
        for guest in guests:
            code = invitation.body["code"]
            said = await client.rpc("accept_token_invitation", guest, code=code)
            self.journal.count("invited", str(said.body))

    def _expired(self, when: str, before: int = 0) -> int:
        """Entries of tokens that have expired until now; counted are those since `before`."""
        number = int(self.database.rows(_EXPIRED)[0]["n"])
        self.journal.counts[f"expired {when}"] = number - before
        return number

    def _offences(self, money: list[Money], when: str = "") -> list[Offence]:
        follow(self.journal, self.database)
        found = [
            *offences(self.database, self.journal, money, self._stack.sidecar_logs()),
            *misplaced(self.database, self._movers),
        ]
        return [Offence(each.kind, each.what + when, each.order_id) for each in found]

    @asynccontextmanager
    async def _begun(
        self, local: LocalStack, people: list[Person]
    ) -> AsyncIterator[tuple[Client, Network]]:
        sidecars = self._stack.sidecar_urls()
        client = Client(local, sidecars, self.journal)
        operator = Person("", "", self._stack.published()["OPERATOR_JWT"])
        self._buyers = Buyers(client, people, self.journal, self.seed)
        self._spenders = Spenders(client, people, self.journal)
        self._merchants = Merchants(client, operator, self.journal)
        self._faults = Faults(self._strikes, self._stack, client, self.journal)
        plans = moves(self.seed, len(self._plans))
        self._movers = Movers(plans, local, client, people, self.journal)
        network = Network(sidecars, self.journal, self.seed)
        async with network.open() as address:
            await self._faults.begin(address)
            yield client, network
        await client.close()

    async def _rage(self) -> None:
        """Every purchase, each followed up some time later, while the faults strike."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._faults.strike())
            tasks.create_task(self._movers.move(self._faults.reached))
            for _ in range(_AT_ONCE):
                tasks.create_task(self._work())

    async def _work(self) -> None:
        while self._plans:
            self._later.append(await self._buyers.buy(self._plans.popleft()))
            await self._faults.step()
            await self._follow_up(_LAG)
        await self._follow_up(0)

    async def _follow_up(self, lag: int) -> None:
        while len(self._later) > lag:
            bought = self._later.popleft()
            await self._buyers.deposit(bought)
            await self._spenders.spend(bought)
            await self._merchants.follow_up(bought)
            await self._buyers.look_again(bought)
            await self._faults.step()

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.journal.counts[what] = round(time.monotonic() - began)
