"""Acme as played on loopback, over real HTTP."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
from sanic import HTTPResponse, Request, Sanic
from sanic.response import json, text

API_KEY, WEBHOOK_SECRET = "acme-key", "acme-webhook-secret"
_SCRIPT = """globalThis.Acme = {
  async pay(id) {
    await fetch(new URL(`/pay/${id}`, '%s'), { method: 'POST', mode: 'no-cors' })
    return true
  },
}"""

Payment = dict[str, Any]


@dataclass
class AcmeSimulator:
    """`sidecar` is where its webhooks go, `answered` how each was answered."""

    sidecar: str = ""
    payments: dict[str, Payment] = field(default_factory=dict)
    refunds: dict[str, int] = field(default_factory=dict)
    answered: list[int] = field(default_factory=list)

    def app(self) -> Sanic[Any, Any]:
        app: Sanic[Any, Any] = Sanic(f"acme-{uuid4().hex[:8]}", configure_logging=False)
        # As in every app of a test: it rewrites Sanic's classes for the process.
        app.config.TOUCHUP = False
        app.add_route(self._make, "/orders/<order_id:str>", methods=["PUT"])
        app.add_route(self._of_order, "/orders/<order_id:str>", methods=["GET"])
        app.add_route(self._one, "/payments/<key:str>", methods=["GET"])
        app.add_route(self._refund, "/payments/<key:str>/refunds", methods=["POST"])
        app.add_route(self._listed, "/payments", methods=["GET"])
        app.add_route(self._paid, "/pay/<key:str>", methods=["POST"])
        app.add_route(self._script, "/acme.js", methods=["GET"])
        app.on_request(_let_in)
        return app

    async def pay(self, key: str, *, webhook: bool = True) -> None:
        """The buyer's turn."""
        payment = self.payments[key]
        payment |= {"paid": payment["amount"], "moved_at": datetime.now(UTC).isoformat()}
        if webhook:
            await self.tell(key)

    async def tell(self, key: str, secret: str = WEBHOOK_SECRET) -> None:
        order = self.payments[key]["order"]
        event = {"id": uuid4().hex, "type": "paid", "order": order, "payment": key}
        async with httpx.AsyncClient() as http:
            url, headers = f"{self.sidecar}/payment/acme/webhook", {"acme-secret": secret}
            answer = await http.post(url, json=event, headers=headers)
        self.answered.append(answer.status_code)

    def of_order(self, order_id: str) -> str:
        """The key of the order's payment."""
        return next(key for key, each in self.payments.items() if each["order"] == order_id)

    async def _make(self, request: Request, order_id: str) -> HTTPResponse:
        known = [each for each in self.payments.values() if each["order"] == order_id]
        if known:
            return json(known[0])
        key = f"acme_{uuid4().hex[:12]}"
        self.payments[key] = {"id": key, "paid": 0, "refunded": 0, "moved_at": "", **request.json}
        return json(self.payments[key])

    async def _of_order(self, _request: Request, order_id: str) -> HTTPResponse:
        known = [each for each in self.payments.values() if each["order"] == order_id]
        return json(known[0]) if known else json({}, status=404)

    async def _one(self, _request: Request, key: str) -> HTTPResponse:
        return json(self.payments[key]) if key in self.payments else json({}, status=404)

    async def _refund(self, request: Request, key: str) -> HTTPResponse:
        """Under a key that is known it only repeats its answer."""
        payment, asked = self.payments[key], request.json
        if asked["key"] not in self.refunds:
            if asked["amount"] > payment["paid"] - payment["refunded"]:
                return json({}, status=400)
            self.refunds[asked["key"]] = asked["amount"]
            payment["refunded"] += asked["amount"]
        return json(payment)

    async def _listed(self, request: Request) -> HTTPResponse:
        since, until = request.args["since"][0], request.args["until"][0]
        paid = [each for each in self.payments.values() if since <= each["moved_at"] < until]
        return json(paid)

    async def _paid(self, _request: Request, key: str) -> HTTPResponse:
        await asyncio.create_task(self.pay(key))
        return json({})

    async def _script(self, request: Request) -> HTTPResponse:
        origin = f"http://{request.host}"
        return text(_SCRIPT % origin, content_type="text/javascript")


async def _let_in(request: Request) -> HTTPResponse | None:
    open_to_all = request.path.startswith(("/pay/", "/acme.js"))
    if open_to_all or request.token == API_KEY:
        return None
    return json({}, status=401)
