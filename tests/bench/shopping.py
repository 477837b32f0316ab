"""Buyers, their orders and payments, and requests that are timed one by one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from psycopg.types.json import Jsonb

from tests.bench.http import connect, expect, request
from tests.bench.people import SignedIn, person

if TYPE_CHECKING:
    from tests.bench.bench import Bench

Turn = Callable[[], Coroutine[Any, Any, list[float]]]
"""The milliseconds that each of its requests took."""


class Shopping:
    def __init__(self, bench: Bench) -> None:
        settings = bench.stack.settings
        self.count = bench.effort.orders
        self.sidecar = settings.sidecar_url
        self.api = f"{settings.api_url}/rest/v1"
        self.gateway = f"{settings.simulators_url}/portone-v1"
        self.service = _service(bench.stack.keys.service_role)
        self.database = bench.stack.connect()
        self._keys = bench.stack.keys
        self._at_gateway: dict[str, str] = {}

    def buyers(self) -> list[SignedIn]:
        """New people, so that nobody orders more than anybody may."""
        return self.people(self.count)

    def people(self, count: int, tokens: int = 0) -> list[SignedIn]:
        """They have signed up, and were given so many tokens."""
        ids = [str(uuid4()) for _ in range(count)]
        self.database.execute(
            "insert into auth.users (id, email) select i, i || '@example.com' "
            "from unnest(%s::uuid[]) i",
            [ids],
        )
        if tokens:
            self.database.execute(
                "select count(public.add_tokens(i, %s, 'bench')) from unnest(%s::uuid[]) i",
                [tokens, ids],
            )
        return [person(self._keys, each) for each in ids]

    def order(self, buyer: SignedIn) -> str:
        """The id of an order. Role and claims as PostgREST sets them."""
        claims = Jsonb({"role": "authenticated", "sub": buyer.id})
        with self.database.transaction():
            self.database.execute(
                "select set_config('role', 'authenticated', true), "
                "set_config('request.jwt.claims', %s::text, true)",
                [claims],
            )
            placed = self.database.execute(
                "select order_id from public.create_token_order('starter', 'portone')"
            ).fetchone()
        return str(placed[0]) if placed else ""

    async def paid(self, count: int | None = None) -> dict[str, str]:
        """PortOne's ids of payments, by order, of which the sidecar has heard nothing."""
        connection = await connect(self.gateway)
        paid = {}
        for buyer in self.people(count or self.count):
            order_id = self.order(buyer)
            turn = _json(order_id=order_id, amount=5000, webhook="none", force=True)
            url = f"{self.gateway}/_sim/pay"
            answer = await expect(connection, request("POST", url, body=turn))
            paid[order_id] = json.loads(answer)["imp_uid"]
        connection.close()
        return paid

    def webhook(self, order_id: str, payment_key: str) -> bytes:
        body = _json(merchant_uid=order_id, imp_uid=payment_key, status="paid")
        return request("POST", f"{self.sidecar}/payment/portone/webhook", body=body)

    async def gateway_headers(self) -> dict[str, str]:
        """Of somebody whom the gateway knows."""
        if not self._at_gateway:
            keys = _json(imp_key="sandbox-key", imp_secret="sandbox-secret")
            connection = await connect(self.gateway)
            asked = request("POST", f"{self.gateway}/users/getToken", body=keys)
            token = json.loads(await expect(connection, asked))["response"]["access_token"]
            connection.close()
            self._at_gateway = {"Authorization": f"Bearer {token}"}
        return self._at_gateway

    async def prepare_at_gateway(self, order_id: str) -> bytes:
        """The request that tells the gateway what an order costs."""
        body = _json(merchant_uid=order_id, amount=5000, currency="KRW")
        url = f"{self.gateway}/payments/prepare"
        return request("POST", url, await self.gateway_headers(), body)

    async def read_at_gateway(self, payment_key: str) -> bytes:
        url = f"{self.gateway}/payments/{payment_key}?include_sandbox=true"
        return request("GET", url, await self.gateway_headers())

    def rpc(self, name: str, headers: dict[str, str], **arguments: object) -> bytes:
        return request("POST", f"{self.api}/rpc/{name}", headers, _json(**arguments))

    def checkout(self, buyer: SignedIn) -> bytes:
        url = f"{self.sidecar}/api/payments/checkout"
        return request("POST", url, buyer.headers, _json(packageId="starter"))


async def timed(url: str, requests: Iterable[bytes]) -> list[float]:
    """One after the other over one connection; the milliseconds of each."""
    connection = await connect(url)
    took = []
    for asked in requests:
        began = time.perf_counter()
        await expect(connection, asked)
        took.append((time.perf_counter() - began) * 1000)
    connection.close()
    return took


def _service(key: str) -> dict[str, str]:
    return {"apikey": key, "Authorization": f"Bearer {key}"}


def _json(**fields: Any) -> bytes:  # noqa: ANN401 - what JSON can hold
    return json.dumps(fields).encode()
