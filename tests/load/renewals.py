"""Many subscriptions that are due at once.

`python -m tests.load.renewals --charged 500 --due 10000`, on a stack of its own. So many are
charged by one sidecar at PortOne's simulator, twice, by two settings: each is charged once and read
once, no more of them at a time than the setting says, and no transaction of the database waits for
the gateway. Then so many are only claimed, beside as many that are not due: a claim costs as much
whether a tenth of them is due or all, and at the end as much as at the beginning.
Ends with an error where one of that does not hold.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, LiteralString

import httpx
import psycopg
import structlog
import typer

from coinslot.billing.methods import seal
from coinslot.gateways.portone.v1.billing import V1Billing
from coinslot.services import opened
from tests.load.reconciling import counted_calls
from tests.support.shop import settings_on
from tests.support.stacks import LocalStack, running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coinslot.gateways.billing import Charge, Declined
    from coinslot.services import Services
    from coinslot.settings.deployment import Settings

_BATCH = 100
_MORE = 1.5
"""So many more blocks may a claim touch among ten times as many: indexes grow by a level."""
_ANSWER_S = 0.1
"""A gateway takes this long to answer, so that a transaction which waited for it would be seen."""

_USERS: LiteralString = """
insert into auth.users (id, email, email_confirmed_at, created_at)
select gen_random_uuid(), %s || n || '@example.com', now(), now() from generate_series(1, %s) n
returning id
"""
_METHODS: LiteralString = """
insert into coinslot.billing_keys (user_id, gateway, live, status, sealed, key_hash)
select u, 'portone', false, 'active', 'sealed', u::text from unnest(%s::uuid[]) u
returning id::text, customer
"""
_SEALED: LiteralString = "update coinslot.billing_keys set sealed = %s where id = %s"
# A period of each was paid, and has ended a minute ago, or will in so many days.
_SUBSCRIBED: LiteralString = """
with at as (
  select clock_timestamp() - interval '1 minute' + %(days)s * interval '1 day' as ends
), made as (
  insert into public.token_subscriptions (
    user_id, plan_id, family, gateway, live, status, every, amount, currency, tokens, rollover,
    method_id, time_zone, anchor, period_start, period_end, next_charge_at
  )
  select k.user_id, 'plus', 'main', 'portone', false, 'active', 'month', 9900, 'KRW', 300, 'none',
    k.id, 'UTC', a.ends - interval '1 month', a.ends - interval '1 month',
    coinslot.period_at(a.ends - interval '1 month', 'UTC', 'month', 1), a.ends
  from coinslot.billing_keys k cross join at a where k.user_id = any (%(users)s)
  returning *
)
insert into coinslot.subscription_cycles (
  subscription_id, number, period_start, period_end, plan_id, every, amount, currency, tokens,
  rollover, status, paid_at
)
select m.id, 0, m.period_start, m.period_end, m.plan_id, m.every, m.amount, m.currency, m.tokens,
  m.rollover, 'paid', m.period_start
from made m
"""
_PAID: LiteralString = """
select count(*), count(distinct c.subscription_id)
from coinslot.subscription_cycles c where c.number > 0 and c.status = 'paid'
"""
_OLDEST: LiteralString = """
select coalesce(max(extract(epoch from clock_timestamp() - a.state_change)), 0)
from pg_stat_activity a
where a.datname = current_database() and a.state like 'idle in transaction%%'
"""
_CLAIM: LiteralString = """
explain (analyze, buffers, timing off, format json)
select cardinality(coinslot_claim_charges(array['portone'], %s))
"""
_LEFT: LiteralString = """
select count(*) from public.token_subscriptions s
where s.next_charge_at <= clock_timestamp() and s.period = 0
"""
_LOOK: LiteralString = """
explain (analyze, costs off, timing off, summary off)
select s.* from public.token_subscriptions s
inner join public.token_wallets w on w.user_id = s.user_id
where s.next_charge_at <= clock_timestamp() and s.gateway = any (array['portone'])
order by s.next_charge_at limit 100 for update skip locked
"""


def subscribe(stack: LocalStack, name: str, number: int, *, days: int = 0) -> list[tuple[str, str]]:
    """The methods of so many new subscribers, with their names at the gateway."""
    with stack.connect() as database:
        users = [row[0] for row in database.execute(_USERS, (name, number)).fetchall()]
        methods = database.execute(_METHODS, (users,)).fetchall()
        database.execute(_SUBSCRIBED, {"users": users, "days": days})
    return [(row[0], row[1]) for row in methods]


async def store(stack: LocalStack, settings: Settings, methods: list[tuple[str, str]]) -> None:
    with stack.connect() as database:
        for method, _ in methods:
            secret = seal(settings.secret_keys, method, {"version": "v1"})
            database.execute(_SEALED, (secret, method))
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        for _, customer in methods:
            turn = {"customer": customer}
            (await http.post(f"{stack.portone_url}/_sim/register", json=turn)).raise_for_status()


class Pace:
    """Counts the charges that are at the gateway at a time, and for how long any transaction of the
    database was open meanwhile and did nothing."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._now = 0
        self.most = 0
        self.oldest = 0.0

    @contextmanager
    def kept(self) -> Iterator[None]:
        original = V1Billing.charge

        async def counting(billing: V1Billing, charge: Charge) -> Declined | None:
            self._now += 1
            self.most = max(self.most, self._now)
            try:
                await asyncio.sleep(_ANSWER_S)
                return await original(billing, charge)
            finally:
                self._now -= 1

        V1Billing.charge = counting  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            V1Billing.charge = original  # type: ignore[method-assign]

    async def watch(self) -> None:
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as database:
            while True:
                row = await (await database.execute(_OLDEST)).fetchone()
                self.oldest = max(self.oldest, float(row[0]) if row else 0.0)
                await asyncio.sleep(0.01)


async def charge(services: Services, stack: LocalStack, number: int, at_once: int) -> bool:
    pace = Pace(stack.database_url)
    watching = asyncio.create_task(pace.watch())
    with counted_calls(stack.portone_url) as calls, pace.kept():
        began = time.perf_counter()
        made = await services.charges.work_off()
        seconds = time.perf_counter() - began
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    charges = sum(path.endswith("/payments/again") for path in calls)
    reads = len(calls) - charges
    with stack.connect() as database:
        [(paid, people)] = database.execute(_PAID).fetchall()
    typer.echo(
        f"{number} due: {made} charged in {seconds:.1f} s, {made / seconds:.0f} a second, "
        f"{at_once} at once ({pace.most} at the most), each {_ANSWER_S * 1000:.0f} ms late;\n"
        f"    {charges} charges and {reads} other calls; {paid} periods paid in all; "
        f"a transaction was idle for {pace.oldest * 1000:.0f} ms at the most"
    )
    # The calls beside the reads are for an access token.
    once = made == charges == number and number <= reads <= number + 3
    return once and pace.most == at_once and paid == people and pace.oldest < _ANSWER_S


def claims(stack: LocalStack, due: int) -> list[tuple[float, int]]:
    """Milliseconds of each claim until nothing is due any more, and the blocks that it touched."""
    found: list[tuple[float, int]] = []
    with psycopg.connect(stack.database_url, autocommit=True) as database:
        database.execute("vacuum analyze public.token_subscriptions")
        database.execute("analyze")
        for _ in range(due // _BATCH):
            [([told],)] = database.execute(_CLAIM, (_BATCH,)).fetchall()
            plan = told["Plan"]
            blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            found.append((told["Execution Time"], blocks))
    return found


def claim(stack: LocalStack, due: int) -> bool:
    """The machine is shared, so that the blocks decide and not the time."""
    with stack.connect() as database:
        database.execute("delete from coinslot.cycle_charges where state = 'open'")
    subscribe(stack, "later", due, days=20)
    subscribe(stack, "few", due // 10)
    few = claims(stack, due // 10)
    subscribe(stack, "many", due)
    with psycopg.connect(stack.database_url) as database:
        for (line,) in database.execute(_LOOK).fetchall():
            typer.echo(f"    {line}")
        database.rollback()
    many = claims(stack, due)
    with stack.connect() as database:
        [(left,)] = database.execute(_LEFT).fetchall()
    quarter = max(1, len(many) // 4)
    parts = {
        f"of {due // 10} due": few,
        f"first quarter of {due}": many[:quarter],
        "last quarter": many[-quarter:],
    }
    typer.echo(f"claims of {_BATCH}:")
    blocks = []
    for name, part in parts.items():
        blocks.append(statistics.median(each[1] for each in part))
        took = statistics.median(each[0] for each in part)
        typer.echo(f"    {name}: {blocks[-1]:,.0f} blocks, {took:.0f} ms")
    return left == 0 and max(blocks) <= _MORE * min(blocks)


async def measure(charged: int, due: int) -> bool:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    good = True
    with running_stack("load") as stack:
        # The stack's own sidecar would take a part of the work.
        for program in stack.manager.programs:
            if program.name == "sidecar":
                stack.manager.processes.stop(program)
        for at_once in (4, 16):
            settings = settings_on(stack, coinslot_charges_at_once=at_once)
            await store(stack, settings, subscribe(stack, f"c{at_once}", charged))
            async with opened(settings) as services:
                good &= await charge(services, stack, charged, at_once)
        good &= await asyncio.to_thread(claim, stack, due)
    return good


def main(
    charged: Annotated[int, typer.Option(min=20, help="Subscriptions to charge, twice.")] = 500,
    due: Annotated[int, typer.Option(min=1000, help="Subscriptions to claim.")] = 10_000,
) -> None:
    if not asyncio.run(measure(charged, due)):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
