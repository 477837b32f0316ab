"""What all simulators share: the clock, the faults, and the control API under `/_sim`.

The control API plays everybody who is not the sidecar: the buyer, the bank, the merchant at the
gateway's console, the network.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field
from sanic import Blueprint
from sanic.response import json

from simulators.faults import Fault, Faults, strike
from simulators.requests import json_body, validated
from simulators.webhooks import Sender, Webhook

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request
    from sanic.blueprint_group import BlueprintGroup

    from simulators.store import Store
    from simulators.webhooks import WebhookSettings

Json = dict[str, Any]
Handler = Callable[..., Coroutine[Any, Any, "HTTPResponse"]]


class BuyerTurn(BaseModel):
    """One visit to the payment window; `amount` and `currency` default to what was prepared."""

    order_id: str
    amount: int | float | None = None
    currency: str | None = None
    method: str | None = None
    outcome: Literal["paid", "failed", "awaiting_deposit", "abandoned"] = "paid"
    live: bool = False
    discount: int | float = 0
    # A changed page can open the window with anything; `force` skips the window's own checks.
    force: bool = False
    webhook: Literal["before", "beside", "none"] = "beside"


class OnePayment(BaseModel):
    payment_key: str


class Refund(OnePayment):
    amount: int | float | None = Field(default=None, gt=0)


class Dispute(OnePayment):
    status: str


class Resend(OnePayment):
    """`forge` replaces fields of the body, which nothing signs here."""

    times: int = Field(default=1, ge=1, le=1000)
    delay_s: float = Field(default=0, ge=0)
    forge: Json = {}


class FaultPlan(BaseModel):
    faults: list[Fault] = []


class Clock(BaseModel):
    advance_s: float


class Simulator(ABC):
    """One gateway, mounted at `/{prefix}`."""

    prefix: str

    def __init__(self, store: Store, webhooks: WebhookSettings) -> None:
        self.store = store
        self.sender = Sender(webhooks)
        self.faults = Faults()
        self._ahead = 0.0

    def now(self) -> int:
        return int(time.time() + self._ahead)

    @abstractmethod
    def routes(self) -> list[tuple[str, str, Handler]]:
        """The gateway's own HTTP: method, path, handler."""

    @abstractmethod
    def pay(self, turn: BuyerTurn) -> tuple[Json, Webhook | None]:
        """What the browser carries back, and the webhook that the gateway sends about it."""

    @abstractmethod
    def deposit(self, payment_key: str) -> Webhook | None: ...

    @abstractmethod
    def undo_deposit(self, payment_key: str) -> Webhook | None: ...

    @abstractmethod
    def refund(self, payment_key: str, amount: float | None) -> Webhook | None: ...

    @abstractmethod
    def dispute(self, payment_key: str, status: str) -> Webhook | None: ...

    @abstractmethod
    def webhook(self, payment_key: str, forge: Json) -> Webhook:
        """The payment's latest webhook."""

    @abstractmethod
    def payments(self) -> list[Json]: ...

    @abstractmethod
    def change(self, payment_key: str, fields: Json) -> Json:
        """Overwrites fields of a payment as the gateway will show it."""

    @abstractmethod
    def reset(self) -> None: ...

    def blueprints(self) -> BlueprintGroup:
        api = Blueprint(f"{self.prefix}-api")
        for number, (method, path, handler) in enumerate(self.routes()):
            api.add_route(self._faulty(handler), path, methods=[method], name=f"route-{number}")
        return Blueprint.group(api, self._control(), url_prefix=f"/{self.prefix}")

    def _faulty(self, handler: Handler) -> Handler:
        async def call(request: Request, **path: str) -> HTTPResponse:
            fault = self.faults.take(request.path)
            if fault is None:
                return await handler(request, **path)
            return await strike(fault, request, lambda: handler(request, **path))

        return call

    def _control(self) -> Blueprint:
        control = Blueprint(f"{self.prefix}-control", url_prefix="/_sim")
        control.add_route(self._pay, "/pay", methods=["POST"])
        control.add_route(self._deposit, "/deposit", methods=["POST"])
        control.add_route(self._undo_deposit, "/undo_deposit", methods=["POST"])
        control.add_route(self._refund, "/refund", methods=["POST"])
        control.add_route(self._dispute, "/dispute", methods=["POST"])
        control.add_route(self._webhook, "/webhook", methods=["POST"])
        control.add_route(self._webhooks, "/webhooks", methods=["GET"])
        control.add_route(self._faults, "/faults", methods=["GET", "PUT"])
        control.add_route(self._settings, "/settings", methods=["GET", "PUT"])
        control.add_route(self._payments, "/payments", methods=["GET"])
        control.add_route(self._change, "/payments/<payment_key:str>", methods=["PATCH"])
        control.add_route(self._clock, "/clock", methods=["POST"])
        control.add_route(self._reset, "/reset", methods=["POST"])
        control.add_route(self._health, "/health", methods=["GET"])
        return control

    async def _pay(self, request: Request) -> HTTPResponse:
        turn = json_body(request, BuyerTurn)
        carried, webhook = self.pay(turn)
        if webhook is not None and turn.webhook == "before":
            await self.sender.send(webhook)
        elif turn.webhook == "beside":
            self._announce(webhook)
        return json(carried)

    async def _deposit(self, request: Request) -> HTTPResponse:
        return self._done(self.deposit(json_body(request, OnePayment).payment_key))

    async def _undo_deposit(self, request: Request) -> HTTPResponse:
        return self._done(self.undo_deposit(json_body(request, OnePayment).payment_key))

    async def _refund(self, request: Request) -> HTTPResponse:
        refund = json_body(request, Refund)
        return self._done(self.refund(refund.payment_key, refund.amount))

    async def _dispute(self, request: Request) -> HTTPResponse:
        dispute = json_body(request, Dispute)
        return self._done(self.dispute(dispute.payment_key, dispute.status))

    async def _webhook(self, request: Request) -> HTTPResponse:
        """Sent at once and together, so that they race; answers how each was taken."""
        resend = json_body(request, Resend)
        webhook = self.webhook(resend.payment_key, resend.forge)
        sending = (self.sender.send(webhook, resend.delay_s) for _ in range(resend.times))
        return json({"deliveries": await asyncio.gather(*sending)})

    async def _webhooks(self, _request: Request) -> HTTPResponse:
        return json({"deliveries": list(self.sender.deliveries)})

    async def _faults(self, request: Request) -> HTTPResponse:
        """PUT takes one fault, `{"faults": […]}` or `{}` for none, in place of those before."""
        if request.method == "PUT":
            one = isinstance(request.json, dict) and "kind" in request.json
            self.faults.planned = (
                [json_body(request, Fault)] if one else json_body(request, FaultPlan).faults
            )
        return json({"faults": [fault.model_dump() for fault in self.faults.planned]})

    async def _settings(self, request: Request) -> HTTPResponse:
        if request.method == "PUT":
            given = json_body(request, _AnySettings).model_dump()
            merged = {**self.sender.settings.model_dump(), **given}
            self.sender.settings = validated(type(self.sender.settings), merged)
        return json(self.sender.settings.model_dump())

    async def _payments(self, _request: Request) -> HTTPResponse:
        return json({"payments": self.payments()})

    async def _change(self, request: Request, payment_key: str) -> HTTPResponse:
        return json(self.change(payment_key, json_body(request, _AnySettings).model_dump()))

    async def _clock(self, request: Request) -> HTTPResponse:
        self._ahead += json_body(request, Clock).advance_s
        return json({"now": self.now()})

    async def _reset(self, _request: Request) -> HTTPResponse:
        self.reset()
        self.store.clear()
        self.faults.planned = []
        self.sender.deliveries.clear()
        self._ahead = 0.0
        return json({"ok": True})

    async def _health(self, _request: Request) -> HTTPResponse:
        return json({"status": "ok", "simulator": self.prefix})

    def _done(self, webhook: Webhook | None) -> HTTPResponse:
        self._announce(webhook)
        return json({"ok": True})

    def _announce(self, webhook: Webhook | None) -> None:
        if webhook is not None and self.sender.settings.enabled:
            self.sender.later(webhook)


class _AnySettings(BaseModel, extra="allow"):
    """Any fields at all."""
