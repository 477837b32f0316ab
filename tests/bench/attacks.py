"""Attacks that a person with a JWT, or with nothing, can make without a client library.

Each is requests at a rate, however long their answers take, as long as one of so many connections
is free: whoever attacks does not wait.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import uuid4

from tests.bench.http import Connection, connect, new_key, request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bench.people import SignedIn
    from tests.bench.shopping import Shopping

# Runs as long as it may on a text of 200 letters, and so does the next on any text.
_LONG_ON_A_KEY = quote(r"match.^(a*)(a*)(a*)(a*)\1\2\3\4$")
_LONG_ON_ANYTHING = quote("match." + "(a?){255}" * 3)
_EMBEDDED = 12
_ORDERS_OF_ONE = 20


@dataclass
class Attack:
    name: str
    url: str
    per_second: float
    requests: Iterator[bytes]
    clients: int = 16
    answers: Counter[int] = field(default_factory=Counter)
    """By HTTP status."""
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Of requests that were answered, a second: its cost to whoever makes it."""
        return self.answers.total() / self.seconds if self.seconds else 0.0

    async def run(self) -> None:
        """Until it is cancelled."""
        free: asyncio.Queue[Connection] = asyncio.Queue()
        for _ in range(self.clients):
            free.put_nowait(await connect(self.url))
        began = time.perf_counter()
        try:
            async with asyncio.TaskGroup() as asking:
                for number in itertools.count():
                    await asyncio.sleep(began + number / self.per_second - time.perf_counter())
                    asking.create_task(self._ask(await free.get(), free))
        finally:
            self.seconds += time.perf_counter() - began

    async def _ask(self, connection: Connection, free: asyncio.Queue[Connection]) -> None:
        try:
            answer = await connection.ask(next(self.requests))
            self.answers[answer.status] += 1
        except ConnectionError:
            self.answers[0] += 1
            connection = await connect(self.url)
        free.put_nowait(connection)


class Attacks:
    """One method for each; a new attack every time."""

    def __init__(self, shopping: Shopping) -> None:
        self._shopping = shopping
        self._attacker, *self._accomplices = shopping.people(16, 100_000)

    def all(self) -> list[Callable[[], Attack]]:
        return [
            self.slow_filters_on_rpcs,
            self.slow_filters_on_tables,
            self.held_locks,
            self.order_floods,
            self.big_pages,
            self.forged_hints,
        ]

    def slow_filters_on_rpcs(self) -> Attack:
        def requests() -> Iterator[bytes]:
            for number in itertools.count():
                key = f"{number % 1000:05}{'a' * 196}"
                who = self._accomplices[number % len(self._accomplices)]
                yield self._post(
                    f"rpc/create_token_order?idempotency_key={_LONG_ON_A_KEY}", who,
                    product_id="starter", gateway="portone", idempotency_key="a" * 201,
                ) if number % 2 else self._post(
                    f"rpc/spend_tokens?reason={_LONG_ON_A_KEY}", who,
                    amount=1, idempotency_key=key, reason="a" * 201,
                )  # fmt: skip

        return self._at_api("slow filters on RPCs", 2.5, requests())

    def slow_filters_on_tables(self) -> Attack:
        paths = itertools.cycle(
            f"{table}?{column}={_LONG_ON_ANYTHING}"
            for table, column in (
                ("token_ledger", "kind"),
                ("token_payments", "status"),
                ("token_products", "name"),
                ("token_offers", "currency"),
            )
        )
        return self._at_api("slow filters on tables", 2.5, map(self._get, paths))

    def held_locks(self) -> Attack:
        """One wallet, whose lock is held by a slow filter and waited for by everything else."""

        def requests() -> Iterator[bytes]:
            slow = f"rpc/spend_tokens?reason={_LONG_ON_A_KEY}"
            for number in itertools.count():
                path = "rpc/spend_tokens" if number % 20 else slow
                yield self._post(
                    path, self._attacker, amount=1, idempotency_key=new_key(), reason="a" * 201
                )

        return self._at_api("held locks", 40, requests())

    def order_floods(self) -> Attack:
        def requests() -> Iterator[bytes]:
            for number in itertools.count():
                who = self._accomplices[number % len(self._accomplices)]
                order = {"product_id": "starter", "gateway": "portone"}
                yield self._post("rpc/create_token_order", who, **order)

        return self._at_api("order floods", 100, requests())

    def big_pages(self) -> Attack:
        columns = "*"
        for _ in range(_EMBEDDED):
            columns = f"id,token_prices(product_id,token_products({columns}))"
        pages = itertools.cycle(
            (
                f"token_products?select={columns}",
                "token_ledger?order=reason,metadata,kind&offset=1&limit=100000",
                "token_payments?select=*,token_payment_events(*),token_ledger(*)",
            )
        )
        return self._at_api("big pages", 5, map(self._get, pages))

    def forged_hints(self) -> Attack:
        orders = [
            self._shopping.order(who)
            for who in self._shopping.people(15)
            for _ in range(_ORDERS_OF_ONE)
        ]
        hints = (
            self._shopping.webhook(order_id, f"imp_{uuid4().int % 10**12:012}")
            for order_id in itertools.cycle(orders)
        )
        return Attack("forged hints", self._shopping.sidecar, 60, hints)

    def _at_api(self, name: str, per_second: float, requests: Iterator[bytes]) -> Attack:
        return Attack(name, self._shopping.api, per_second, requests)

    def _get(self, path: str) -> bytes:
        return request("GET", f"{self._shopping.api}/{path}", self._attacker.headers)

    def _post(self, path: str, who: SignedIn, **arguments: object) -> bytes:
        body = json.dumps(arguments).encode()
        return request("POST", f"{self._shopping.api}/{path}", who.headers, body)
