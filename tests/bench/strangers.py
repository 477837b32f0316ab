"""A person who has nothing to do with it, while nothing happens and under each attack.

Measured is the time that balance, spend and checkout take, and that the tokens of a payment do."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import psycopg
from psycopg import sql

from devstack.postgres import SUPERUSER
from tests.bench.attacks import Attacks
from tests.bench.http import Connection, connect, expect, new_key
from tests.bench.report import out
from tests.bench.shopping import Shopping
from tests.bench.turns import percentile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.bench.attacks import Attack
    from tests.bench.bench import Bench

# The stranger's p99 under attack, in times of the idle one.
TARGET = 2.0
# A real webhook is credited within so many milliseconds.
TARGET_CREDIT_MS = 2_000.0
_GATEWAY_SECONDS = 0.3
_PAUSE = 0.02
_TOKENS = 100_000
_SECONDS_TO_CREDIT = 60.0
_SECONDS_TO_RELOAD = 2.0


class Took(defaultdict[str, list[float]]):
    """Milliseconds of each act."""

    def __init__(self) -> None:
        super().__init__(list)


class Stranger:
    def __init__(self, shopping: Shopping, took: Took) -> None:
        self._shopping = shopping
        self._took = took
        [self._person] = shopping.people(1, _TOKENS)

    async def live(self, seconds: float) -> None:
        """Acts side by side, each after a short pause."""
        until = time.perf_counter() + seconds
        shop = self._shopping
        buyers = iter(shop.people(int(seconds / _PAUSE)))
        async with asyncio.TaskGroup() as acts:
            acts.create_task(self._over_and_over("balance", shop.api, self._balances(), until))
            acts.create_task(self._over_and_over("spend", shop.api, self._spends(), until))
            checkouts = (shop.checkout(buyer) for buyer in buyers)
            acts.create_task(self._over_and_over("checkout", shop.sidecar, checkouts, until))
            acts.create_task(self._credits(until))

    def _balances(self) -> Iterator[bytes]:
        while True:
            yield self._shopping.rpc("get_user_tokens", self._person.headers)

    def _spends(self) -> Iterator[bytes]:
        while True:
            key = new_key()
            yield self._shopping.rpc(
                "spend_tokens", self._person.headers, amount=1, idempotency_key=key
            )

    async def _over_and_over(
        self, act: str, url: str, requests: Iterator[bytes], until: float
    ) -> None:
        connection: Connection = await connect(url)
        while (began := time.perf_counter()) < until:
            await expect(connection, next(requests))
            self._note(act, began)
            await asyncio.sleep(_PAUSE)
        connection.close()

    async def _credits(self, until: float) -> None:
        """From a webhook to its tokens. The payment is made before."""
        connection = await connect(self._shopping.sidecar)
        while time.perf_counter() < until:
            [(order_id, key)] = (await self._shopping.paid(1)).items()
            began = time.perf_counter()
            await expect(connection, self._shopping.webhook(order_id, key))
            await self._credited(order_id, began)
            self._note("credit", began)
        connection.close()

    async def _credited(self, order_id: str, began: float) -> None:
        query = "select status from public.token_payments where order_id = %s"
        while self._shopping.database.execute(query, [order_id]).fetchone() != ("completed",):
            if time.perf_counter() - began > _SECONDS_TO_CREDIT:
                return
            await asyncio.sleep(0.01)

    def _note(self, act: str, began: float) -> None:
        self._took[act].append((time.perf_counter() - began) * 1000)


def measure(bench: Bench) -> None:
    shopping = Shopping(bench)
    _limit_roles(bench)
    attacks = Attacks(shopping)
    for begin in attacks.all():
        attack = begin()
        quiet, attacked = Took(), Took()
        # By turns, so that a slow minute of the machine hits both.
        for _ in range(bench.effort.rounds):
            _live(bench, shopping, None, quiet)
            _live(bench, shopping, attack, attacked)
        report = _report(attack, quiet, attacked)
        bench.attacks.append(report)
        bench.credited += len(quiet["credit"]) + len(attacked["credit"])
        _show(report)
    shopping.database.close()


def _limit_roles(bench: Bench) -> None:
    """As the docs say to, of the roles that are the app's."""
    superuser = bench.stack.settings.database_url(SUPERUSER)
    with psycopg.connect(superuser, autocommit=True) as connection:
        for role in ("anon", "authenticated"):
            limit = sql.SQL("alter role {} set statement_timeout = '1s'")
            connection.execute(limit.format(sql.Identifier(role)))
        connection.execute("notify pgrst, 'reload config'")
    time.sleep(_SECONDS_TO_RELOAD)


def _live(bench: Bench, shopping: Shopping, attack: Attack | None, took: Took) -> None:
    """A turn of a new stranger, with the attack or without."""

    async def live() -> None:
        stranger = Stranger(shopping, took)
        async with _slow_gateway(bench):
            attacking = asyncio.create_task(attack.run()) if attack else None
            await stranger.live(bench.effort.attack_seconds)
            if attacking:
                attacking.cancel()
                await asyncio.wait([attacking])

    bench.runner.run(live())


@asynccontextmanager
async def _slow_gateway(bench: Bench) -> AsyncIterator[None]:
    """Reads take what they take at a real one."""
    url = f"{bench.stack.settings.simulators_url}/portone-v1/_sim/faults"
    paths = ("/payments/imp_", "/payments/find/")
    slow = [{"kind": "delay", "delay_s": _GATEWAY_SECONDS, "path": path} for path in paths]
    async with httpx.AsyncClient() as client:
        (await client.put(url, json={"faults": slow})).raise_for_status()
        yield
        (await client.put(url, json={})).raise_for_status()


def _report(attack: Attack, quiet: Took, attacked: Took) -> dict[str, object]:
    acts = {}
    for act, took in attacked.items():
        idle, under = percentile(quiet[act], 0.99), percentile(took, 0.99)
        acts[act] = {
            "p50": [round(percentile(each, 0.5), 1) for each in (quiet[act], took)],
            "p99": [round(idle, 1), round(under, 1)],
            "times": round(under / idle, 2),
            "met": under <= TARGET_CREDIT_MS if act == "credit" else under <= TARGET * idle,
        }
    return {
        "attack": attack.name,
        "requests a second": round(attack.rate, 1),
        "answers": {str(status): number for status, number in sorted(attack.answers.items())},
        "acts": acts,
    }


def _show(report: dict[str, object]) -> None:
    out.print(str(report), markup=False)
