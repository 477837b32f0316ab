"""The reconciler and the audit with a lot of work.

`python -m tests.load.reconciling --orders 10000 --payments 100000`, on a stack of its own. Orders
that are open and due are read once each at PortOne's simulator: as many calls as there are orders,
and one for the access token. Then a day of payments is audited, as PortOne V1 lists it: to see that
memory does not grow with their number, and that only what went back unheard of is read.
Ends with an error where a call is wasted or a payment does not match.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import psutil
import structlog
import typer

from coinslot.http_client import Connections
from coinslot.payments.audits import Audits
from coinslot.payments.settlements import Settlements
from coinslot.services import opened
from tests.load.listed_day import SINCE, UNTIL, ListedDay
from tests.support.shop import settings_on
from tests.support.stacks import LocalStack, running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from coinslot.payments.audits import Audit
    from coinslot.services import Services

_PRICE = 5000
_ONE_IN = 4000

_ORDERS = """
insert into public.token_payments (
  order_id, user_id, product_id, name, gateway, amount, currency, tokens, live, expires_at
)
select 'ord_' || %s || lpad(n::text, 30, '0'), %s, 'starter', 'Starter Pack', 'portone', %s, 'KRW',
  0, false, clock_timestamp() + interval '1 hour'
from generate_series(1, %s) n
"""
_PAID = """
with paid as (
  update public.token_payments set status = 'completed', paid = amount, confirmed_at = %s,
    payment_key = 'imp_' || right(order_id, 12)
  where order_id like 'ord_p%%' returning id, payment_key, amount
)
insert into coinslot.payment_attempts (
  payment_id, gateway, payment_key, state, amount, currency, live, paid, refunded, refunding,
  disputed, withdrawn, credited
)
select id, 'portone', payment_key, 'paid', amount, 'KRW', false, amount, 0, 0, 0, 0, true from paid
"""


@contextmanager
def counted_calls(address: str) -> Iterator[list[str]]:
    """Every request of this process to `address`, by its path."""
    calls: list[str] = []
    original = Connections.handle_async_request

    async def counting(self: Connections, request: httpx.Request) -> httpx.Response:
        if str(request.url).startswith(address):
            calls.append(request.url.path)
        return await original(self, request)

    Connections.handle_async_request = counting  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        Connections.handle_async_request = original  # type: ignore[method-assign]


def place(stack: LocalStack, prefix: str, count: int) -> None:
    with stack.connect() as database:
        buyer = stack.sign_up().id
        database.execute(_ORDERS, (prefix, buyer, _PRICE, count))
        database.execute("update coinslot.payment_reads set next_read_at = clock_timestamp()")


def settle_all(stack: LocalStack) -> None:
    with stack.connect() as database:
        database.execute(_PAID, (SINCE + timedelta(hours=1),))
        database.execute("analyze")


async def reconcile(services: Services, stack: LocalStack, orders: int) -> bool:
    place(stack, "o", orders)
    with counted_calls(stack.portone_url) as calls:
        began = time.perf_counter()
        done = await services.reconciliations.once()
        seconds = time.perf_counter() - began
    typer.echo(f"{orders} open orders: {done.read} read in {seconds:.1f} s, {len(calls)} calls")
    return done.read == orders and len(calls) == orders + 1


async def audit(services: Services, stack: LocalStack, payments: int) -> bool:
    place(stack, "p", payments)
    settle_all(stack)
    day = ListedDay(payments, _ONE_IN)
    settlements = Settlements(services.database)
    auditing = Audits(services.database, {"portone": day.gateway()}, settlements)
    megabytes: list[float] = []
    watching = asyncio.create_task(_watch(megabytes))
    began = time.perf_counter()
    audited = await auditing.audit("portone", SINCE, UNTIL)
    seconds = time.perf_counter() - began
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    reads = sum(path.startswith("/payments/imp_") for path in day.calls)
    typer.echo(
        f"{payments} payments audited in {seconds:.1f} s with {len(day.calls) - reads} calls for "
        f"lists and {reads} reads, of which {day.gone} had gone back; "
        f"{megabytes[0]:.0f} MB at first, {max(megabytes):.0f} MB at most"
    )
    return _all_match(audited, payments) and reads == day.gone


def _all_match(audited: Audit | None, payments: int) -> bool:
    return audited is not None and [
        (total.verdict, total.payments) for total in audited.totals
    ] == [("matched", payments)]


async def _watch(megabytes: list[float]) -> None:
    process = psutil.Process()
    while True:
        megabytes.append(process.memory_info().rss / 1e6)
        await asyncio.sleep(0.5)


async def measure(orders: int, payments: int) -> bool:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with running_stack("load") as stack:
        # The stack's own sidecar would take a part of the work.
        for program in stack.manager.programs:
            if program.name == "sidecar":
                stack.manager.processes.stop(program)
        async with opened(settings_on(stack)) as services:
            reconciled = await reconcile(services, stack, orders)
            return await audit(services, stack, payments) and reconciled


def main(
    orders: Annotated[int, typer.Option(min=1, help="Open orders to be read.")] = 10_000,
    payments: Annotated[int, typer.Option(min=1, help="Payments to be audited.")] = 100_000,
) -> None:
    if not asyncio.run(measure(orders, payments)):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
