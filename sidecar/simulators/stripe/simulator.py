"""Stripe as its documentation has it, on this machine, driven by its own library unmodified.

Wordings and `param`s of errors, and what the documentation leaves open, are not to be relied on.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field
from sanic.response import json

from simulators.base import BuyerTurn, Handler, Json, OnePayment, Simulator
from simulators.requests import NotPossible, json_body
from simulators.stripe.access import Access
from simulators.stripe.api import StripeApi
from simulators.stripe.books import Books, intent_of_order
from simulators.stripe.cards import GENERIC, card_token
from simulators.stripe.errors import Refusal
from simulators.stripe.objects import new_id
from simulators.stripe.webhooks import EndpointSettings, SignedWebhook, SigningSender, Tampering
from simulators.webhooks import Webhook

if TYPE_CHECKING:
    from sanic import Blueprint, HTTPResponse, Request

    from simulators.store import Store


class Turn(BuyerTurn):
    """The buyer at the card form. `method` is a test card, as token or number; `outcome` is the
    card's own unless given. While the bank wants to see the buyer, `paid` or `failed` is how that
    ends. `force` makes another PaymentIntent that names the order, as a merchant's own server
    could."""

    order_id: str = ""
    payment_intent: str | None = None
    method: str = "pm_card_visa"


class DisputeTurn(OnePayment):
    status: str = "needs_response"
    amount: int | None = Field(default=None, gt=0)


class RefundTurn(BaseModel):
    """What becomes later of a refund: the latest of the payment, unless named."""

    payment_key: str
    refund: str | None = None
    status: Literal["succeeded", "failed", "canceled", "pending", "requires_action"]


class Delivery(OnePayment, Tampering):
    """The payment's latest event again, or its latest ones of the types given, in that order.
    `distinct` gives each copy an id of its own."""

    times: int = Field(default=1, ge=1, le=1000)
    delay_s: float = Field(default=0, ge=0)
    types: list[str] = Field(default=[])
    distinct: bool = False


class StripeSimulator(Simulator):
    prefix = "stripe"

    def __init__(self, store: Store, settings: EndpointSettings, *, secret_key: str) -> None:
        super().__init__(store, settings)
        self.sender: SigningSender = SigningSender(settings)
        self.books = Books(store, self.now, lambda: self.sender.settings.api_version)
        self._access = Access(store, secret_key, self.now)
        self._api = StripeApi(self.books, self._publish)

    def routes(self) -> list[tuple[str, str, Handler]]:
        return self._api.routes()

    def _faulty(self, handler: Handler) -> Handler:
        """Faults strike between the bookkeeping of idempotency keys and what a call does."""
        access = self._access
        struck = access.worded(super()._faulty(access.recorded(handler)))
        return access.admitted(access.once(struck))

    def _control(self) -> Blueprint:
        control = super()._control()
        control.add_route(self._refund_status, "/refund_status", methods=["POST"])
        return control

    # ---- what the control API plays ----

    async def _pay(self, request: Request) -> HTTPResponse:
        turn = json_body(request, Turn)
        with _possible():
            intent = self._play(turn)
        events, self.books.fresh_events = self.books.fresh_events, []
        if turn.webhook == "before":
            for webhook in self._wanted(events):
                await self.sender.send(webhook)
        elif turn.webhook == "beside":
            self._send_later(events)
        return json({"payment_intent": intent["id"], "status": intent["status"]})

    def _play(self, turn: Turn) -> Json:
        intent = self._intent(turn)
        if turn.live != intent["livemode"]:
            intent = self.books.keep({**intent, "livemode": turn.live})
        if turn.outcome == "abandoned":
            return intent
        if intent["status"] == "requires_action":
            return self.books.authenticate(intent, passed=turn.outcome == "paid")
        token = card_token(turn.method)
        if token is None:
            raise NotPossible("Not a test card of Stripe's", code="unknown_card")
        intent = self.books.attach(intent, token)
        if turn.outcome == "awaiting_deposit":
            return self.books.process(intent)
        if turn.outcome == "failed":
            return self.books.decline(intent, GENERIC)
        return self.books.confirm(intent)

    def _intent(self, turn: Turn) -> Json:
        if turn.force:
            form = {"currency": turn.currency or "usd", "metadata": {"order_id": turn.order_id}}
            return self.books.create(form, int(turn.amount or 0), live=turn.live)
        if turn.payment_intent is not None:
            return self.books.one("payment_intent", turn.payment_intent)
        intent = intent_of_order(self.books, turn.order_id)
        if intent is None:
            raise NotPossible("No PaymentIntent names this order", code="unknown_payment")
        return intent

    def pay(self, turn: BuyerTurn) -> tuple[Json, Webhook | None]:
        intent = self._play(Turn(**turn.model_dump(exclude_none=True)))
        return {"payment_intent": intent["id"]}, None

    def deposit(self, payment_key: str) -> None:
        self._processing(payment_key, paid=True)

    def undo_deposit(self, payment_key: str) -> None:
        self._processing(payment_key, paid=False)

    def _processing(self, payment_key: str, *, paid: bool) -> None:
        """A method that takes days has come to its end."""
        intent = self._one(payment_key)
        if intent["status"] != "processing":
            raise NotPossible("This payment is not being processed")
        if paid:
            self.books.succeed(intent)
        else:
            self.books.decline(intent, GENERIC)
        self._publish()

    def refund(self, payment_key: str, amount: float | None) -> None:
        with _possible():
            given = None if amount is None else int(amount)
            self.books.refund(self._charge(payment_key), given, {})
        self._publish()

    async def _refund_status(self, request: Request) -> HTTPResponse:
        turn = json_body(request, RefundTurn)
        refunds = self.books.all("refund", payment_intent=turn.payment_key)
        chosen = [each for each in refunds if turn.refund in {None, each["id"]}]
        if not chosen:
            raise NotPossible("No such refund")
        self.books.change_refund(chosen[-1], turn.status)
        self._publish()
        return json({"ok": True})

    async def _dispute(self, request: Request) -> HTTPResponse:
        turn = json_body(request, DisputeTurn)
        self.books.dispute(self._charge(turn.payment_key), turn.status, amount=turn.amount)
        return self._done(None)

    def dispute(self, payment_key: str, status: str) -> None:
        self.books.dispute(self._charge(payment_key), status)
        self._publish()

    async def _webhook(self, request: Request) -> HTTPResponse:
        """Sent at once and together, so that they race; several types one after another."""
        asked = json_body(request, Delivery)
        tampering = Tampering.model_validate(asked.model_dump())
        deliveries = []
        for event in self._chosen(asked):
            copies = (
                {**event, "id": new_id("evt") if asked.distinct else event["id"]}
                for _ in range(asked.times)
            )
            webhooks = [SignedWebhook(asked.payment_key, copy, {}, tampering) for copy in copies]
            sending = (self.sender.send(webhook, asked.delay_s) for webhook in webhooks)
            deliveries += await asyncio.gather(*sending)
        return json({"deliveries": deliveries})

    def _chosen(self, asked: Delivery) -> list[Json]:
        events = [each for each in self.books.all("event") if _about(each) == asked.payment_key]
        wanted = (
            asked.types
            or [each["type"] for each in events if each["type"] in self.sender.settings.events][-1:]
        )
        latest = {each["type"]: each for each in events}
        if not wanted or not set(wanted) <= latest.keys():
            raise NotPossible("No such event of this payment", code="no_event")
        return [latest[kind] for kind in wanted]

    def webhook(self, payment_key: str, forge: Json) -> Webhook:
        event = self._chosen(Delivery(payment_key=payment_key))[0]
        return SignedWebhook(payment_key, event, {}, Tampering(fields=forge))

    def payments(self) -> list[Json]:
        """With what is about them beside them."""
        return [
            {
                **intent,
                "refunds": self.books.all("refund", payment_intent=intent["id"]),
                "disputes": self.books.all("dispute", payment_intent=intent["id"]),
            }
            for intent in self.books.all("payment_intent")
        ]

    def change(self, payment_key: str, fields: Json) -> Json:
        return self.books.keep({**self._one(payment_key), **fields})

    def reset(self) -> None:
        self.books.fresh_events.clear()

    def _one(self, payment_key: str) -> Json:
        with _possible():
            return self.books.one("payment_intent", payment_key)

    def _charge(self, payment_key: str) -> Json:
        intent = self._one(payment_key)
        if intent["status"] != "succeeded":
            raise NotPossible("This payment has not succeeded")
        return self.books.one("charge", intent["latest_charge"])

    def _done(self, webhook: Webhook | None) -> HTTPResponse:
        self._publish()
        return super()._done(webhook)

    def _publish(self) -> None:
        events, self.books.fresh_events = self.books.fresh_events, []
        self._send_later(events)

    def _send_later(self, events: list[Json]) -> None:
        for webhook in self._wanted(events):
            self._announce(webhook)

    def _wanted(self, events: list[Json]) -> list[Webhook]:
        enabled = self.sender.settings.events
        return [Webhook(_about(event), event, {}) for event in events if event["type"] in enabled]


def _about(event: Json) -> str:
    """The PaymentIntent that an event is about."""
    about = event["data"]["object"]
    key = about["id"] if about["object"] == "payment_intent" else about["payment_intent"]
    return str(key)


class _possible:  # noqa: N801 - reads as a statement
    """What the API would refuse, the control API does too."""

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: Any, error: object, _trace: object) -> None:  # noqa: ANN401
        if isinstance(error, Refusal):
            raise NotPossible(str(error)) from error
