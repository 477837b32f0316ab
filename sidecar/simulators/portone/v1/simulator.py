"""PortOne V1 as its documentation and its clients' recordings have it, on this machine.

The documentation leaves open the status after a partial cancel, and wordings: do not rely on them.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Self

from simulators.base import Route, Simulator
from simulators.portone.v1.access import Access, Tokens
from simulators.portone.v1.api import PortOneV1Api
from simulators.portone.v1.billing import V1Billing
from simulators.portone.v1.books import Books
from simulators.portone.v1.cash_receipts import V1CashReceipts
from simulators.portone.v1.payment import deposit_in_place, new_payment, undo_deposit_in_place
from simulators.portone.v1.refund import cancel_in_place
from simulators.portone.v1.settings import PREFIX, PortOneV1Settings
from simulators.portone.v1.webhook import cancel_webhook, status_webhook
from simulators.requests import NotPossible, Refusal
from simulators.store import Store
from simulators.webhooks import Webhook, WebhookSettings

if TYPE_CHECKING:
    from simulators.cards import RegisterTurn
    from simulators.turns import BuyerTurn

Json = dict[str, Any]


class PortOneV1Simulator(Simulator):
    prefix = PREFIX

    def __init__(self, store: Store, webhooks: WebhookSettings, *, key: str, secret: str) -> None:
        super().__init__(store, webhooks)
        self.tokens = Tokens(key, secret)
        access = Access(self.tokens, self.now)
        self._books = Books(store)
        self._api = PortOneV1Api(self._books, self.tokens, access, self.now, self.sender.announce)
        self._receipts = V1CashReceipts(store, self._books, access, self.now)
        self._billing = V1Billing(
            store,
            self._books,
            access,
            self.cards,
            now=self.now,
            announce=self.sender.announce,
        )

    @classmethod
    def from_settings(cls, settings: PortOneV1Settings) -> Self:
        return cls(
            Store(settings.coinslot_simulators_state, PREFIX),
            WebhookSettings(url=f"{settings.sidecar_url}/payment/portone/webhook"),
            key=settings.iamport_api_key,
            secret=settings.iamport_api_secret,
        )

    def routes(self) -> list[Route]:
        return [*self._api.routes(), *self._billing.routes(), *self._receipts.routes()]

    def register(self, turn: RegisterTurn) -> Json:
        return self._billing.register(turn)

    def lose_card(self, customer: str) -> None:
        self._billing.lose(customer)

    def approve_late(self, order_id: str) -> Webhook:
        return self._billing.approve_late(order_id)

    def pay(self, turn: BuyerTurn) -> tuple[Json, Webhook | None]:
        prepared = self._books.prepared(turn.order_id) or {}
        if turn.amount is None and not prepared:
            raise Refusal("This order was never prepared: give an amount")
        if not turn.force:
            self._check_window(turn, prepared)
        payment = new_payment(
            imp_uid=f"imp_{secrets.randbelow(10**12):012d}",
            turn=turn,
            amount=prepared["amount"] if turn.amount is None else turn.amount,
            currency=turn.currency or prepared.get("currency", "KRW"),
            now=self.now(),
        )
        self._books.keep(payment)
        carried = {"imp_uid": payment["imp_uid"], "merchant_uid": payment["merchant_uid"]}
        if turn.outcome in {"failed", "abandoned"}:
            # PortOne sends no webhook when an ordinary payment fails.
            return {**carried, "error_code": "F400", "error_msg": payment["fail_reason"]}, None
        return carried, status_webhook(payment)

    def _check_window(self, turn: BuyerTurn, prepared: Json) -> None:
        """Refuses as the payment window itself does."""
        if prepared and turn.amount not in {None, prepared["amount"]}:
            message = f"{prepared['amount']} was prepared, not {turn.amount} (force skips this)"
            raise NotPossible(message, code="amount_not_prepared")
        for payment in self._books.all(turn.order_id):
            if payment["status"] == "paid":
                raise NotPossible("Already paid (force skips this)", code="already_paid")

    def deposit(self, payment_key: str) -> Webhook:
        payment = self._books.one(payment_key)
        deposit_in_place(payment, self.now())
        return status_webhook(self._books.keep(payment))

    def undo_deposit(self, payment_key: str) -> Webhook:
        payment = self._books.one(payment_key)
        undo_deposit_in_place(payment)
        return status_webhook(self._books.keep(payment))

    def refund(self, payment_key: str, amount: float | None) -> Webhook:
        payment = self._books.one(payment_key)
        refusal = cancel_in_place(
            payment,
            amount=amount,
            checksum=None,
            reason="console",
            to_account=True,
            now=self.now(),
        )
        if refusal is not None:
            raise NotPossible(refusal)
        return cancel_webhook(self._books.keep(payment))

    def dispute(self, payment_key: str, status: str) -> Webhook:
        message = f"PortOne V1 shows no disputes ({payment_key}: {status})"
        raise NotPossible(message)

    def webhook(self, payment_key: str, forge: Json) -> Webhook:
        payment = self._books.find(payment_key)
        if payment is None and "merchant_uid" not in forge:
            raise NotPossible("No such payment: forge at least merchant_uid")
        known = {"imp_uid": payment_key, "status": "paid"}
        body = status_webhook(payment).body if payment else known
        return Webhook(payment_key, {**body, **forge}, {})

    def payments(self) -> list[Json]:
        return self._books.all()

    def change(self, payment_key: str, fields: Json) -> Json:
        return self._books.keep({**self._books.one(payment_key), **fields})

    def _control_routes(self) -> list[Route]:
        return [*super()._control_routes(), *self._receipts.control_routes()]

    def forget(self) -> None:
        self.tokens.forget()
