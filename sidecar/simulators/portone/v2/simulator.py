"""PortOne V2 as its API schema has it, on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from simulators.base import Route, Simulator
from simulators.portone.v2.access import Access, IdempotencyKeys
from simulators.portone.v2.api import PortOneV2Api
from simulators.portone.v2.billing import V2Billing
from simulators.portone.v2.books import Books
from simulators.portone.v2.cash_receipts import V2CashReceipts
from simulators.portone.v2.events import Events
from simulators.portone.v2.payment import (
    deposit_in_place,
    dispute_in_place,
    new_payment,
    resolve_dispute_in_place,
    undo_deposit_in_place,
)
from simulators.portone.v2.refund import (
    Cancel,
    RefundAccount,
    cancel_in_place,
    refused,
    settle_in_place,
)
from simulators.portone.v2.settings import PREFIX, PortOneV2Settings
from simulators.portone.v2.webhook import SignedSender, V2Settings
from simulators.requests import NotPossible, Refusal, json_body
from simulators.store import Store
from simulators.turns import OnePayment

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from simulators.cards import RegisterTurn
    from simulators.portone.v2.webhook import V2Webhook
    from simulators.turns import BuyerTurn

Json = dict[str, Any]

# The buyer's account, as the merchant gives it at the console.
_ACCOUNT = RefundAccount(bank="SHINHAN", number="110000000000", holderName="Kim")


class SettledTurn(OnePayment):
    """The end of the cancellation that was requested first."""

    outcome: Literal["succeeded", "failed"]


class PortOneV2Simulator(Simulator):
    prefix = PREFIX

    def __init__(
        self,
        store: Store,
        webhooks: V2Settings,
        *,
        api_secret: str,
        store_id: str,
        channel_key: str,
    ) -> None:
        super().__init__(store, webhooks)
        self.sender: SignedSender = SignedSender(webhooks)
        self._store_id = store_id
        self._channel_key = channel_key
        self._keys = IdempotencyKeys(self.now)
        self._events = Events(store, store_id, self.now)
        self._books = Books(store, self._events, self.now)
        access = Access(api_secret, store_id)
        self._api = PortOneV2Api(store, self._books, access, self._keys, self.sender)
        self._receipts = V2CashReceipts(
            store, access, self._keys, self.now, store_id=store_id, channel_key=channel_key
        )
        self._billing = V2Billing(
            store,
            self._books,
            access,
            self._keys,
            cards=self.cards,
            sender=self.sender,
            store_id=store_id,
            channel_key=channel_key,
        )

    @classmethod
    def from_settings(cls, settings: PortOneV2Settings) -> Self:
        return cls(
            Store(settings.coinslot_simulators_state, PREFIX),
            V2Settings(
                url=f"{settings.sidecar_url}/payment/portone/webhook",
                secrets=settings.portone_webhook_secrets.split(","),
            ),
            api_secret=settings.portone_api_secret,
            store_id=settings.portone_store_id,
            channel_key=settings.portone_channel_key,
        )

    def routes(self) -> list[Route]:
        return [*self._api.routes(), *self._billing.routes(), *self._receipts.routes()]

    def register(self, turn: RegisterTurn) -> Json:
        return self._billing.register(turn)

    def lose_card(self, customer: str) -> None:
        self._billing.lose(customer)

    def pay(self, turn: BuyerTurn) -> tuple[Json, V2Webhook | None]:
        prepared = self.store.get("prepared", turn.order_id) or {}
        total = prepared.get("totalAmount") if turn.amount is None else int(turn.amount)
        if total is None:
            raise Refusal("This order was never registered: give an amount")
        self._check_window(turn, prepared)
        payment = new_payment(
            turn=turn,
            total=total,
            currency=turn.currency or prepared.get("currency", "KRW"),
            store_id=self._store_id,
            channel_key=self._channel_key,
            now=self.now(),
        )
        ready = self._events.happened({**payment, "status": "READY"})
        carried = {"paymentId": payment["id"], "transactionId": payment["transactionId"]}
        self._books.keep(payment)
        if turn.outcome == "abandoned":
            return carried, ready
        if turn.outcome == "failed":
            failure = payment["failure"]
            carried |= {"code": "FAILURE_TYPE_PG", "message": failure["reason"]}
        return carried, self._events.happened(payment, previous=ready)

    def _check_window(self, turn: BuyerTurn, prepared: Json) -> None:
        """Refuses as the window itself does. A second success cannot be forced."""
        if "paidAt" in (self._books.shown(turn.order_id) or {}):
            raise NotPossible("Already paid", code="already_paid")
        if turn.force or not prepared:
            return
        for name, registered in (("amount", "totalAmount"), ("currency", "currency")):
            if getattr(turn, name) not in {None, prepared[registered]}:
                message = f"Another {name} was registered (force skips this)"
                raise NotPossible(message, code="AmountNotEqualToPredefined")

    def deposit(self, payment_key: str) -> V2Webhook:
        payment = self._books.one(payment_key)
        deposit_in_place(payment, self.now())
        return self._events.happened(self._books.keep(payment))

    def undo_deposit(self, payment_key: str) -> V2Webhook:
        payment = self._books.one(payment_key)
        undo_deposit_in_place(payment, self.now())
        return self._events.happened(self._books.keep(payment))

    def refund(self, payment_key: str, amount: float | None) -> V2Webhook | None:
        payment = self._books.one(payment_key)
        part = None if amount is None else int(amount)
        refusal = refused(payment, Cancel(reason="console", amount=part, refundAccount=_ACCOUNT))
        if refusal is not None:
            raise NotPossible((refusal.body or b"").decode())
        end = self.sender.settings.cancels
        return self._books.cancel(payment, part, "CONSOLE", "console", end)[1]

    def dispute(self, payment_key: str, status: str) -> V2Webhook:
        """`created`, then `won` by the merchant, or `lost`: the bank takes all that is left."""
        payment = self._books.one(payment_key)
        if status == "created":
            dispute_in_place(payment, self.now())
            return self._events.happened(self._books.keep(payment), kind="DisputeCreated")
        if status not in {"won", "lost"}:
            raise NotPossible("A dispute is created, won or lost")
        resolve_dispute_in_place(payment, self.now())
        resolved = self._events.happened(self._books.keep(payment), kind="DisputeResolved")
        if status == "won":
            return resolved
        taken = cancel_in_place(
            payment, amount=None, reason="dispute", trigger="CHARGEBACK", now=self.now()
        )
        self._books.keep(payment)
        return self._events.happened(payment, previous=resolved, cancellationId=taken["id"])

    def webhook(self, payment_key: str, forge: Json) -> V2Webhook:
        return self._events.forged(payment_key, forge)

    def payments(self) -> list[Json]:
        return self._books.all()

    def change(self, payment_key: str, fields: Json) -> Json:
        return self._books.keep({**self._books.one(payment_key), **fields})

    def forget(self) -> None:
        self._keys.forget()

    def _control_routes(self) -> list[Route]:
        more = [("POST", "/settle_refund", self._settle_refund), *self._receipts.control_routes()]
        return [*super()._control_routes(), *more]

    async def _settle_refund(self, request: Request) -> HTTPResponse:
        """Ends a cancellation that is under way. No webhook tells of one that fails."""
        turn = json_body(request, SettledTurn)
        payment = self._books.one(turn.payment_key)
        settled = settle_in_place(payment, turn.outcome, self.now())
        self._books.keep(payment)
        if turn.outcome == "failed":
            return self._done(None)
        return self._done(self._events.happened(payment, cancellationId=settled["id"]))
