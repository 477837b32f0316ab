"""The rate of webhooks that the running stack credits, and the cost of each.

`python -m tests.load.webhooks --count 1000 --clients 16` against what `make up` started. Orders are
placed through the RPC and paid for at PortOne's simulator; then one unsigned webhook tells of each,
the costliest kind: it is stored, its payment read at the gateway, and applied. Placing and paying
are not measured. Ends with an error unless every order was credited exactly once and the books add
up.

The stack and this program share the machine, so the rate is of all of them together. CPU time per
webhook says more where something else runs beside them.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, Any, LiteralString, TypeVar

import aiohttp
import psutil
import psycopg
import typer
from psycopg.types.json import Jsonb

from devstack.processes import Processes
from devstack.settings import DevstackSettings

_PROGRAMS = ("sidecar", "api", "auth", "simulators", "postgrest", "postgres")
_SECONDS_TO_CREDIT = 120.0
_OF_ONE_BUYER = 4
_PRODUCT = "starter"

T = TypeVar("T")
Paid = tuple[str, str]
"""An order's id and PortOne's id of its payment."""


class Shop:
    """The stack's database as its owner has it, and the orders of this run."""

    def __init__(self, url: str) -> None:
        self._db = psycopg.connect(url, autocommit=True)
        self._orders: list[str] = []
        self._amount = 0

    def place(self, count: int) -> None:
        """Each buyer has as many as are read at once: further hints of one owner are spread."""
        while len(self._orders) < count:
            buyer = self._sign_up()
            for _ in range(min(_OF_ONE_BUYER, count - len(self._orders))):
                self._orders.append(self._order(buyer))
        # Nobody's payments come one right after the other, waiting for each other's wallet.
        random.shuffle(self._orders)

    async def until_completed(self) -> None:
        """Asks for all orders once a second, or when nothing is left to be read: it takes of the
        machine that is measured."""
        while self._completed() < len(self._orders):
            patience = time.monotonic() + 1
            while self._has_unread() and time.monotonic() < patience:  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.02)

    def problems(self) -> list[str]:
        """Orders that were not credited exactly once, and wallets that do not add up."""
        purchases = Counter(
            order_id
            for (order_id,) in self._rows(
                "select p.order_id from public.token_ledger l "
                "join public.token_payments p on p.id = l.payment_id and p.tokens = l.delta "
                "where l.kind = 'purchase' and p.order_id = any(%s)",
                self._orders,
            )
        )
        wrong = [f"{o}: credited {purchases[o]} times" for o in self._orders if purchases[o] != 1]
        books = self._rows("select to_jsonb(v) from public.coinslot_verify_ledger() v")
        return [*wrong, *(str(row) for (row,) in books)]

    def close(self) -> None:
        self._db.close()

    @property
    def orders(self) -> list[str]:
        return self._orders

    @property
    def amount(self) -> int:
        """The price of each of them, in minor units."""
        return self._amount

    def _completed(self) -> int:
        [(number,)] = self._rows(
            "select count(*) from public.token_payments where order_id = any(%s) "
            "and status = 'completed'",
            self._orders,
        )
        return int(number)

    def _has_unread(self) -> bool:
        """True while a webhook is still to be read."""
        [(found,)] = self._rows(
            "select exists (select from coinslot.webhooks where next_attempt_at is not null)"
        )
        return bool(found)

    def _sign_up(self) -> str:
        [(user_id,)] = self._rows(
            "insert into auth.users (id, email) "
            "select i, i || '@example.com' from gen_random_uuid() i returning id"
        )
        return str(user_id)

    def _order(self, buyer: str) -> str:
        """Role and claims as PostgREST sets them."""
        claims = Jsonb({"role": "authenticated", "sub": buyer})
        with self._db.transaction():
            self._rows(
                "select set_config('role', 'authenticated', true), "
                "set_config('request.jwt.claims', %s::text, true)",
                claims,
            )
            [(order_id, self._amount)] = self._rows(
                "select order_id, amount from public.create_token_order(%s, 'portone')", _PRODUCT
            )
        return str(order_id)

    def _rows(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        return self._db.execute(query, parameters).fetchall()


class Load:
    """Clients that each wait for an answer before they send again."""

    def __init__(
        self, http: aiohttp.ClientSession, settings: DevstackSettings, clients: int
    ) -> None:
        self._http = http
        self._webhook = f"{settings.sidecar_url}/payment/portone/webhook"
        self._pay = f"{settings.simulators_url}/portone-v1/_sim/pay"
        self._clients = clients

    async def pay(self, orders: list[str], amount: int) -> list[Paid]:
        """As buyers in the window; the simulator sends no webhook of its own."""
        paid: list[Paid] = []

        async def one(order_id: str) -> None:
            body = {"order_id": order_id, "amount": amount, "webhook": "none", "force": True}
            paid.append((order_id, (await self._post(self._pay, body))["imp_uid"]))

        await self._each(orders, one)
        return paid

    async def tell(self, paid: list[Paid]) -> list[float]:
        """Seconds until each webhook was answered."""
        seconds: list[float] = []

        async def one(payment: Paid) -> None:
            order_id, imp_uid = payment
            began = time.perf_counter()
            body = {"imp_uid": imp_uid, "merchant_uid": order_id, "status": "paid"}
            await self._post(self._webhook, body)
            seconds.append(time.perf_counter() - began)

        await self._each(paid, one)
        return sorted(seconds)

    async def _each(self, items: Iterable[T], work: Callable[[T], Awaitable[None]]) -> None:
        left = iter(items)

        async def client() -> None:
            for item in left:
                await work(item)

        await asyncio.gather(*(client() for _ in range(self._clients)))

    async def _post(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        async with self._http.post(url, json=body) as answer:
            answer.raise_for_status()
            read: dict[str, Any] = await answer.json()
            return read


class Stack:
    """The processes that share the work."""

    def __init__(self, settings: DevstackSettings) -> None:
        processes = Processes(settings.devstack_dir)
        found = {name: processes.find(name) for name in _PROGRAMS}
        self._processes = {name: process for name, process in found.items() if process}
        if len(self._processes) < len(_PROGRAMS):
            raise typer.BadParameter("The stack does not run: make up")

    def cpu(self) -> dict[str, float]:
        """Seconds that each has taken, and this program itself."""
        used = {name: _cpu(process) for name, process in self._processes.items()}
        return {**used, "this load": time.process_time()}

    def sidecar_mb(self) -> float:
        return float(self._processes["sidecar"].memory_info().rss) / 1e6


def _cpu(process: psutil.Process) -> float:
    """With its children, those that have ended included."""
    used = sum(process.cpu_times()[:4])
    return float(used + sum(sum(child.cpu_times()[:2]) for child in process.children()))


async def measure(count: int, clients: int) -> list[str]:
    """Prints the figures; returns what is wrong with the books."""
    settings = DevstackSettings()
    stack, shop = Stack(settings), Shop(settings.database_url())
    shop.place(count)
    async with aiohttp.ClientSession() as http:
        load = Load(http, settings, clients)
        paid = await load.pay(shop.orders, shop.amount)
        before, began = stack.cpu(), time.perf_counter()
        latencies = await load.tell(paid)
        answered = time.perf_counter() - began
        async with asyncio.timeout(_SECONDS_TO_CREDIT):
            await shop.until_completed()
        credited = time.perf_counter() - began
    after = stack.cpu()
    _report(count, latencies, answered, credited)
    spent = {name: (after[name] - before[name]) * 1000 / count for name in before}
    parts = ", ".join(f"{name} {ms:.1f}" for name, ms in spent.items())
    typer.echo(f"CPU ms per webhook: {parts}; together {sum(spent.values()):.1f}")
    typer.echo(f"sidecar: {stack.sidecar_mb():.0f} MB")
    return shop.problems()


def _report(count: int, latencies: list[float], answered: float, credited: float) -> None:
    typer.echo(
        f"{count} webhooks: {count / answered:.0f}/s answered, {count / credited:.0f}/s credited; "
        f"answered in {latencies[count // 2] * 1000:.0f} ms (p50), "
        f"{latencies[count * 99 // 100] * 1000:.0f} ms (p99)"
    )


def main(
    count: Annotated[int, typer.Option(min=1, help="Orders, each with one webhook.")] = 1000,
    clients: Annotated[int, typer.Option(min=1, help="How many send at the same time.")] = 16,
) -> None:
    problems = asyncio.run(measure(count, clients))
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{count} orders credited, each once; the ledger adds up")


if __name__ == "__main__":
    typer.run(main)
