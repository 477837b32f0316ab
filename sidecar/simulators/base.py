"""The parts that all simulators share: the clock, the faults, and the control API under `/_sim`.

The control API plays everybody who is not the sidecar: the buyer, the bank, the merchant at the
gateway's console, the network.
"""

from __future__ import annotations

import asyncio
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from sanic import Blueprint
from sanic.response import json

from simulators.cards import CardPlan, Cards, LateTurn, RegisterTurn
from simulators.faults import Fault, Faults, strike
from simulators.requests import NotPossible, json_body, validated
from simulators.turns import (
    AnyFields,
    BuyerTurn,
    ClockTurn,
    DisputeTurn,
    FaultPlan,
    OnePayment,
    RefundTurn,
    Resend,
)
from simulators.webhooks import Sender, Webhook

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request
    from sanic.blueprint_group import BlueprintGroup

    from simulators.store import Store
    from simulators.webhooks import WebhookSettings

Json = dict[str, Any]
Handler = Callable[..., Coroutine[Any, Any, "HTTPResponse"]]
Route = tuple[str, str, Handler]
"""Method, path, handler."""


class Simulator(ABC):
    """One gateway, mounted at `/{prefix}`."""

    prefix: ClassVar[str]

    def __init__(self, store: Store, webhooks: WebhookSettings) -> None:
        self.store = store
        self.sender = Sender(webhooks)
        self.faults = Faults()
        self.cards = Cards(store)
        self._ahead = 0.0

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Any) -> Self:  # noqa: ANN401 - each gateway's own
        """A simulator with the keys and addresses of its settings."""

    @property
    def window(self) -> Path:
        """The folder of the files that its script and its payment window consist of."""
        return Path(str(sys.modules[type(self).__module__].__file__)).parent / "window"

    def now(self) -> int:
        """Unix seconds, by a clock that the control API can put forward."""
        return int(time.time() + self._ahead)

    @abstractmethod
    def routes(self) -> list[Route]:
        """The gateway's own HTTP."""

    @abstractmethod
    def pay(self, turn: BuyerTurn) -> tuple[Json, Webhook | None]:
        """The fields that the browser carries back, and the webhook that the gateway sends."""

    @abstractmethod
    def deposit(self, payment_key: str) -> Webhook | None: ...

    @abstractmethod
    def undo_deposit(self, payment_key: str) -> Webhook | None: ...

    @abstractmethod
    def refund(self, payment_key: str, amount: float | None) -> Webhook | None: ...

    @abstractmethod
    def dispute(self, payment_key: str, status: str) -> Webhook | None: ...

    def register(self, turn: RegisterTurn) -> Json:
        """Stores a card in the window; the fields that the browser carries back."""
        message = f"This gateway stores no cards ({turn.customer})"
        raise NotPossible(message)

    def lose_card(self, customer: str) -> None:
        """Forgets a stored card, by the buyer's own doing or at the console."""
        message = f"This gateway stores no cards ({customer})"
        raise NotPossible(message)

    def approve_late(self, order_id: str) -> Webhook | None:
        """Takes the money of a charge whose course was `late`."""
        message = f"No charge is approved late at this gateway ({order_id})"
        raise NotPossible(message)

    @abstractmethod
    def webhook(self, payment_key: str, forge: Json) -> Webhook:
        """The payment's latest webhook."""

    @abstractmethod
    def payments(self) -> list[Json]: ...

    @abstractmethod
    def change(self, payment_key: str, fields: Json) -> Json:
        """Overwrites fields of a payment as the gateway will show it."""

    def forget(self) -> None:  # noqa: B027 - most keep nothing there
        """Drops everything that is kept outside the store."""

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
        for method, path, handler in self._control_routes():
            control.add_route(handler, path, methods=[method], name=f"{method} {path}")
        return control

    def _control_routes(self) -> list[Route]:
        return [
            ("POST", "/pay", self._pay),
            ("POST", "/deposit", self._deposit),
            ("POST", "/undo_deposit", self._undo_deposit),
            ("POST", "/refund", self._refund),
            ("POST", "/dispute", self._dispute),
            ("POST", "/register", self._register),
            ("PUT", "/cards/<customer:str>", self._plan_card),
            ("DELETE", "/cards/<customer:str>", self._lose_card),
            ("POST", "/late", self._approve_late),
            ("POST", "/webhook", self._webhook),
            ("GET", "/webhooks", self._webhooks),
            ("GET", "/faults", self._faults),
            ("PUT", "/faults", self._plan_faults),
            ("GET", "/settings", self._settings),
            ("PUT", "/settings", self._change_settings),
            ("GET", "/payments", self._payments),
            ("PATCH", "/payments/<payment_key:str>", self._change),
            ("POST", "/clock", self._clock),
            ("POST", "/reset", self._reset),
            ("GET", "/health", self._health),
        ]

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
        turn = json_body(request, RefundTurn)
        return self._done(self.refund(turn.payment_key, turn.amount))

    async def _dispute(self, request: Request) -> HTTPResponse:
        turn = json_body(request, DisputeTurn)
        return self._done(self.dispute(turn.payment_key, turn.status))

    async def _register(self, request: Request) -> HTTPResponse:
        return json(self.register(json_body(request, RegisterTurn)))

    async def _plan_card(self, request: Request, customer: str) -> HTTPResponse:
        self.cards.plan(customer, json_body(request, CardPlan))
        return json({"ok": True})

    async def _lose_card(self, _request: Request, customer: str) -> HTTPResponse:
        self.lose_card(customer)
        return json({"ok": True})

    async def _approve_late(self, request: Request) -> HTTPResponse:
        return self._done(self.approve_late(json_body(request, LateTurn).order_id))

    async def _webhook(self, request: Request) -> HTTPResponse:
        """Sends copies at once and together, so that they race; answers how each was taken."""
        resend = json_body(request, Resend)
        webhook = self.webhook(resend.payment_key, resend.forge)
        sending = (self.sender.send(webhook, resend.delay_s) for _ in range(resend.times))
        return json({"deliveries": await asyncio.gather(*sending)})

    async def _webhooks(self, _request: Request) -> HTTPResponse:
        return json({"deliveries": list(self.sender.deliveries)})

    async def _faults(self, _request: Request) -> HTTPResponse:
        return json({"faults": [fault.model_dump() for fault in self.faults.planned]})

    async def _plan_faults(self, request: Request) -> HTTPResponse:
        """Takes one fault, or `{"faults": […]}`, in place of those before; `{}` for none."""
        one = "kind" in json_body(request, AnyFields).model_dump()
        self.faults.planned = (
            [json_body(request, Fault)] if one else json_body(request, FaultPlan).faults
        )
        return await self._faults(request)

    async def _settings(self, _request: Request) -> HTTPResponse:
        return json(self.sender.settings.model_dump())

    async def _change_settings(self, request: Request) -> HTTPResponse:
        """Takes some of the settings; the others stay."""
        given = json_body(request, AnyFields).model_dump()
        merged = {**self.sender.settings.model_dump(), **given}
        self.sender.settings = validated(type(self.sender.settings), merged)
        return await self._settings(request)

    async def _payments(self, _request: Request) -> HTTPResponse:
        return json({"payments": self.payments()})

    async def _change(self, request: Request, payment_key: str) -> HTTPResponse:
        return json(self.change(payment_key, json_body(request, AnyFields).model_dump()))

    async def _clock(self, request: Request) -> HTTPResponse:
        self._ahead += json_body(request, ClockTurn).advance_s
        return json({"now": self.now()})

    async def _reset(self, _request: Request) -> HTTPResponse:
        self.forget()
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
        if webhook is not None:
            self.sender.announce(webhook)
