"""Stripe as its documentation has it, on this machine, driven by its own library unmodified.

Do not rely on the wordings and `param`s of errors, nor on what the documentation leaves open.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from sanic.response import json

from simulators.base import Handler, Route, Simulator
from simulators.requests import NotPossible, json_body
from simulators.store import Store
from simulators.stripe.access import Access
from simulators.stripe.api import StripeApi
from simulators.stripe.billing import StripeBilling
from simulators.stripe.books import Books
from simulators.stripe.cards import GENERIC, card_token
from simulators.stripe.dispute import Disputes
from simulators.stripe.errors import Refusal
from simulators.stripe.ids import new_id
from simulators.stripe.payment import Payments
from simulators.stripe.refund import Refunds
from simulators.stripe.settings import PREFIX, StripeSettings
from simulators.stripe.turns import CardTurn, Delivery, DisputeTurn, RefundStatusTurn
from simulators.stripe.webhook import (
    EndpointSettings,
    SignedWebhook,
    SigningSender,
    Tampering,
    about,
)
from simulators.webhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sanic import HTTPResponse, Request

    from simulators.cards import RegisterTurn
    from simulators.turns import BuyerTurn

Json = dict[str, Any]


class StripeSimulator(Simulator):
    prefix = PREFIX

    def __init__(self, store: Store, settings: EndpointSettings, *, secret_key: str) -> None:
        super().__init__(store, settings)
        self.sender: SigningSender = SigningSender(settings)
        self.books = Books(store, self.now, lambda: self.sender.settings.api_version)
        self._disputes = Disputes(self.books)
        self._intents = Payments(self.books, self._disputes, self.cards)
        self._billing = StripeBilling(self.books)
        self._refunds = Refunds(self.books)
        self._access = Access(store, secret_key, self.now)
        self._api = StripeApi(self.books, self._intents, self._refunds, self._publish)

    @classmethod
    def from_settings(cls, settings: StripeSettings) -> Self:
        return cls(
            Store(settings.coinslot_simulators_state, PREFIX),
            EndpointSettings(
                url=f"{settings.sidecar_url}/payment/stripe/webhook",
                secrets=settings.stripe_webhook_secret.split(","),
            ),
            secret_key=settings.stripe_secret_key,
        )

    def routes(self) -> list[Route]:
        return [*self._api.routes(), *self._billing.routes()]

    def register(self, turn: RegisterTurn) -> Json:
        return self._billing.register(turn)

    def lose_card(self, customer: str) -> None:
        self._billing.lose(customer)

    def _faulty(self, handler: Handler) -> Handler:
        """Has faults strike between the bookkeeping of idempotency keys and the call itself."""
        access = self._access
        struck = access.worded(super()._faulty(access.recorded(handler)))
        return access.admitted(access.once(struck))

    def _control_routes(self) -> list[Route]:
        return [*super()._control_routes(), ("POST", "/refund_status", self._refund_status)]

    async def _pay(self, request: Request) -> HTTPResponse:
        turn = json_body(request, CardTurn)
        with _possible():
            intent = self._play(turn)
        events = self.books.fresh_events()
        if turn.webhook == "before":
            for webhook in self._wanted(events):
                await self.sender.send(webhook)
        elif turn.webhook == "beside":
            self._send_later(events)
        return json({"payment_intent": intent["id"], "status": intent["status"]})

    def _play(self, turn: CardTurn) -> Json:
        intent = self._intent(turn)
        if turn.live != intent["livemode"]:
            intent = self.books.keep({**intent, "livemode": turn.live})
        if turn.outcome == "abandoned":
            return intent
        if intent["status"] == "requires_action":
            return self._intents.authenticate(intent, passed=turn.outcome == "paid")
        token = card_token(turn.method) or self._stored(turn.method)
        if token is None:
            raise NotPossible("Not a test card of Stripe's", code="unknown_card")
        intent = self._intents.attach(intent, token)
        if turn.outcome == "awaiting_deposit":
            return self._intents.process(intent)
        if turn.outcome == "failed":
            return self._intents.decline(intent, GENERIC)
        return self._intents.note_wallet(self._intents.confirm(intent), turn.wallet)

    def _stored(self, method: str) -> str | None:
        """A card that the buyer has stored, and is there to use."""
        return method if self.books.all("payment_method", id=method) else None

    def _intent(self, turn: CardTurn) -> Json:
        if turn.force:
            form = {"currency": turn.currency or "usd", "metadata": {"order_id": turn.order_id}}
            return self._intents.create(form, int(turn.amount or 0), live=turn.live)
        if turn.payment_intent is not None:
            return self.books.one("payment_intent", turn.payment_intent)
        intent = self._intents.of_order(turn.order_id)
        if intent is None:
            raise NotPossible("No PaymentIntent names this order", code="unknown_payment")
        return intent

    def pay(self, turn: BuyerTurn) -> tuple[Json, Webhook | None]:
        intent = self._play(CardTurn(**turn.model_dump(exclude_none=True)))
        return {"payment_intent": intent["id"]}, None

    def deposit(self, payment_key: str) -> None:
        self._intents.succeed(self._processing(payment_key))
        self._publish()

    def undo_deposit(self, payment_key: str) -> None:
        self._intents.decline(self._processing(payment_key), GENERIC)
        self._publish()

    def _processing(self, payment_key: str) -> Json:
        """The payment, by a method that takes days."""
        intent = self._one(payment_key)
        if intent["status"] != "processing":
            raise NotPossible("This payment is not being processed")
        return intent

    def refund(self, payment_key: str, amount: float | None) -> None:
        with _possible():
            given = None if amount is None else int(amount)
            self._refunds.make(self._charge(payment_key), given, {})
        self._publish()

    async def _refund_status(self, request: Request) -> HTTPResponse:
        turn = json_body(request, RefundStatusTurn)
        refunds = self.books.all("refund", payment_intent=turn.payment_key)
        chosen = [each for each in refunds if turn.refund in {None, each["id"]}]
        if not chosen:
            raise NotPossible("No such refund")
        self._refunds.change(chosen[-1], turn.status)
        return self._done(None)

    async def _dispute(self, request: Request) -> HTTPResponse:
        turn = json_body(request, DisputeTurn)
        self._disputes.move(self._charge(turn.payment_key), turn.status, amount=turn.amount)
        return self._done(None)

    def dispute(self, payment_key: str, status: str) -> None:
        self._disputes.move(self._charge(payment_key), status)
        self._publish()

    async def _webhook(self, request: Request) -> HTTPResponse:
        """Sends copies at once and together, so that they race; several types in their order."""
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
        events = [each for each in self.books.all("event") if about(each) == asked.payment_key]
        enabled = [each["type"] for each in events if each["type"] in self.sender.settings.events]
        wanted = asked.types or enabled[-1:]
        latest = {each["type"]: each for each in events}
        if not wanted or not set(wanted) <= latest.keys():
            raise NotPossible("No such event of this payment", code="no_event")
        return [latest[kind] for kind in wanted]

    def webhook(self, payment_key: str, forge: Json) -> Webhook:
        event = self._chosen(Delivery(payment_key=payment_key))[0]
        return SignedWebhook(payment_key, event, {}, Tampering(fields=forge))

    def payments(self) -> list[Json]:
        """The PaymentIntents, each with its refunds and disputes."""
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

    def forget(self) -> None:
        self.books.fresh_events()

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
        self._send_later(self.books.fresh_events())

    def _send_later(self, events: list[Json]) -> None:
        for webhook in self._wanted(events):
            self._announce(webhook)

    def _wanted(self, events: list[Json]) -> list[Webhook]:
        enabled = self.sender.settings.events
        return [Webhook(about(event), event, {}) for event in events if event["type"] in enabled]


@contextmanager
def _possible() -> Iterator[None]:
    """Within: a refusal of Stripe's API becomes one of the control API."""
    try:
        yield
    except Refusal as refusal:
        raise NotPossible(str(refusal)) from refusal
