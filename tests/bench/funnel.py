"""Rows through the sidecar: from a gateway's webhook to tokens, and from a click to an order.

Everything is done once at a time, so that what is measured waits for nothing of its own kind.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from tests.bench.http import connect, expect
from tests.bench.rows import Row
from tests.bench.shopping import Shopping, timed
from tests.bench.turns import alternate, percentile

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.bench import Bench
    from tests.bench.shopping import Turn

_SECONDS_TO_CREDIT = 20.0
_TARGET_MS = 5.0


class Funnel:
    """The turns. Each gives the milliseconds that each of its requests took."""

    def __init__(self, shopping: Shopping) -> None:
        self._shopping = shopping
        self.credited: dict[str, str] = {}
        """The payments that webhooks told of, by order."""

    async def credit(self) -> list[float]:
        """From sending the webhook to the moment in which the database committed the tokens."""
        paid = await self._shopping.paid()
        sent: dict[str, float] = {}
        connection = await connect(self._shopping.sidecar)
        for order_id, key in paid.items():
            sent[order_id] = time.time()
            await expect(connection, self._shopping.webhook(order_id, key))
            await self._until_completed(order_id)
        connection.close()
        self.credited |= paid
        committed = self._committed(list(sent))
        return [(committed[order_id] - began) * 1000 for order_id, began in sent.items()]

    async def read(self) -> list[float]:
        """The sidecar's question to the gateway, asked by nobody but us."""
        keys = [key for _, key in self._latest()]
        asked = [await self._shopping.read_at_gateway(key) for key in keys]
        return await timed(self._shopping.gateway, asked)

    async def read_and_nothing(self) -> list[float]:
        """The round trips of a webhook, and nothing done in the database."""
        shop = self._shopping
        gateway, api = await connect(shop.gateway), await connect(shop.api)
        nothing = shop.rpc("bench_nothing", shop.service, amount=1, idempotency_key="")
        took = []
        for _, key in self._latest():
            read = await shop.read_at_gateway(key)
            began = time.perf_counter()
            await expect(api, nothing)
            await expect(gateway, read)
            await expect(api, nothing)
            took.append((time.perf_counter() - began) * 1000)
        gateway.close()
        api.close()
        return took

    async def webhook_again(self) -> list[float]:
        shop = self._shopping
        return await timed(shop.sidecar, [shop.webhook(*paid) for paid in self._latest()])

    async def nothing(self) -> list[float]:
        """The least that a call to the database takes from here."""
        shop = self._shopping
        asked = shop.rpc("bench_nothing", shop.service, amount=1, idempotency_key="")
        return await timed(shop.api, [asked] * shop.count)

    async def checkout(self) -> list[float]:
        shop = self._shopping
        return await timed(shop.sidecar, [shop.checkout(buyer) for buyer in shop.buyers()])

    async def checkout_by_hand(self) -> list[float]:
        """The parts of a checkout: one call to the database, one to the gateway."""
        shop = self._shopping
        api, gateway = await connect(shop.api), await connect(shop.gateway)
        await shop.gateway_headers()
        took = []
        for buyer in shop.buyers():
            began = time.perf_counter()
            order = {"product_id": "starter", "gateway": "portone"}
            placed = json.loads(
                await expect(api, shop.rpc("create_token_order", buyer.headers, **order))
            )
            await expect(gateway, await shop.prepare_at_gateway(placed["order_id"]))
            took.append((time.perf_counter() - began) * 1000)
        api.close()
        gateway.close()
        return took

    def _latest(self) -> list[tuple[str, str]]:
        return list(self.credited.items())[-self._shopping.count :]

    async def _until_completed(self, order_id: str) -> None:
        query = "select status from public.token_payments where order_id = %s"
        deadline = time.monotonic() + _SECONDS_TO_CREDIT
        while self._shopping.database.execute(query, [order_id]).fetchone() != ("completed",):
            if time.monotonic() > deadline:
                message = f"{order_id} was not credited in time"
                raise TimeoutError(message)
            await asyncio.sleep(0.003)

    def _committed(self, orders: list[str]) -> dict[str, float]:
        """When, by the clock of this machine, which Postgres has too."""
        rows = self._shopping.database.execute(
            "select p.order_id, extract(epoch from pg_xact_commit_timestamp(l.xmin))::float "
            "from public.token_ledger l join public.token_payments p on p.id = l.payment_id "
            "where p.order_id = any(%s)",
            [orders],
        )
        return dict(rows.fetchall())


def measure(bench: Bench) -> None:
    shopping = Shopping(bench)
    funnel = Funnel(shopping)
    rounds, everything = bench.effort.rounds, dict[str, list[float]]()

    def median_of(name: str, turn: Turn) -> Callable[[], float]:
        def play() -> float:
            took = bench.runner.run(turn())
            everything.setdefault(name, []).extend(took)
            return percentile(took, 0.5)

        return play

    def row(key: str, title: str, targets: dict[str, float], **turns: Turn) -> None:
        named = {name.replace("_", " "): turn for name, turn in turns.items()}
        measured = alternate(rounds, {n: median_of(n, turn) for n, turn in named.items()})
        notes = {f"p99 of {name}": percentile(everything[name], 0.99) for name in named}
        bench.show(Row(key, title, "ms", measured, targets, notes))

    row(
        "webhook",
        "webhook to credited, p50",
        {"the gateway read alone": _TARGET_MS},
        webhook_to_credited=funnel.credit,
        the_gateway_read_alone=funnel.read,
        the_read_between_two_RPCs_that_do_nothing=funnel.read_and_nothing,
    )
    row(
        "webhook_again",
        "duplicate webhook, p50",
        {},
        duplicate_webhook=funnel.webhook_again,
        an_RPC_that_does_nothing=funnel.nothing,
    )
    row(
        "checkout",
        "checkout, p50",
        {},
        checkout=funnel.checkout,
        its_two_calls_by_hand=funnel.checkout_by_hand,
    )
    bench.credited += len(funnel.credited)
    shopping.database.close()
