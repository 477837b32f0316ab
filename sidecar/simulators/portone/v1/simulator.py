"""PortOne V1 as its documentation and its clients' recordings have it, on this machine.

What the documentation leaves open (the status after a partial cancel, wordings) is not to be
relied on.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from sanic.response import json

from simulators.base import BuyerTurn, Handler, Simulator
from simulators.portone.v1.listing import ListQuery, in_order, of_status, paged
from simulators.portone.v1.payment import (
    cancel_in_place,
    cancelable,
    deposit_in_place,
    new_payment,
    undo_deposit_in_place,
)
from simulators.portone.v1.token import Tokens
from simulators.requests import NotPossible, Refusal
from simulators.webhooks import Webhook

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from simulators.store import Store
    from simulators.webhooks import WebhookSettings

Json = dict[str, Any]

_NO_PAYMENT = "존재하지 않는 결제정보입니다."
_NOT_PREPARED = "사전등록된 결제정보가 존재하지 않습니다."
_NOTHING_TO_CANCEL = "취소할 결제건이 존재하지 않습니다."
_ACCOUNT = ("refund_bank", "refund_account", "refund_holder")


class PortOneV1Simulator(Simulator):
    prefix = "portone-v1"

    def __init__(self, store: Store, webhooks: WebhookSettings, *, key: str, secret: str) -> None:
        super().__init__(store, webhooks)
        self.tokens = Tokens(key, secret)

    # ---- the gateway's own HTTP ----

    def routes(self) -> list[tuple[str, str, Handler]]:
        admitted = self._admitted
        return [
            ("POST", "/users/getToken", self._get_token),
            ("POST", "/payments/prepare", admitted(self._prepare)),
            ("PUT", "/payments/prepare", admitted(self._prepare)),
            ("GET", "/payments/prepare/<merchant_uid:str>", admitted(self._prepared)),
            ("POST", "/payments/cancel", admitted(self._cancel)),
            ("GET", "/payments/find/<merchant_uid:str>", admitted(self._find)),
            ("GET", "/payments/find/<merchant_uid:str>/<status:str>", admitted(self._find)),
            ("GET", "/payments/findAll/<merchant_uid:str>", admitted(self._find_all)),
            ("GET", "/payments/findAll/<merchant_uid:str>/<status:str>", admitted(self._find_all)),
            ("GET", "/payments/status/<status:str>", admitted(self._of_status)),
            ("GET", "/payments/<imp_uid:str>", admitted(self._read)),
        ]

    def _admitted(self, handler: Handler) -> Handler:
        """Bearer or the bare token, as the live API takes both."""

        async def call(request: Request, **path: str) -> HTTPResponse:
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not self.tokens.good(token, self.now()):
                return _failed("Unauthorized", status=401)
            try:
                return await handler(request, **path)
            except ValidationError as error:
                return _failed(str(error.errors()[0]["loc"]), status=400)

        return call

    async def _get_token(self, request: Request) -> HTTPResponse:
        given = _parameters(request)
        if "imp_key" not in given or "imp_secret" not in given:
            return _failed("imp_key, imp_secret 파라메터가 누락되었습니다.", status=400)
        token = self.tokens.issue(given["imp_key"], given["imp_secret"], self.now())
        if token is None:
            return _failed("imp_key, imp_secret 인증에 실패하였습니다.", status=401)
        return _ok(token)

    async def _read(self, request: Request, imp_uid: str) -> HTTPResponse:
        """Test payments are hidden unless `include_sandbox=true`."""
        payment = self.store.get("payment", imp_uid)
        asked_for_tests = request.args.get("include_sandbox") == "true"
        if payment is None or (payment.get("sandbox") and not asked_for_tests):
            return _failed(_NO_PAYMENT, status=404)
        return _ok(payment)

    async def _find(
        self, request: Request, merchant_uid: str, status: str | None = None
    ) -> HTTPResponse:
        found = self._sorted(request, merchant_uid, status)
        return _ok(found[0]) if found else _failed(_NO_PAYMENT, status=404)

    async def _find_all(
        self, request: Request, merchant_uid: str, status: str | None = None
    ) -> HTTPResponse:
        found = self._sorted(request, merchant_uid, status)
        return _page(found, _query(request)) if found else _failed(_NO_PAYMENT, status=404)

    async def _of_status(self, request: Request, status: str) -> HTTPResponse:
        query = _query(request)
        found = of_status(self.store.all("payment"), status, query, self.now())
        if status not in {"all", "ready", "paid", "cancelled", "failed"} or found is None:
            return _failed("조회기간은 최대 90일입니다.", status=400)
        return _page(in_order(found, query.sorting), query)

    def _sorted(self, request: Request, merchant_uid: str, status: str | None) -> list[Json]:
        found = [
            payment
            for payment in self.store.all("payment")
            if payment["merchant_uid"] == merchant_uid and status in {None, payment["status"]}
        ]
        return in_order(found, _query(request).sorting)

    async def _prepare(self, request: Request) -> HTTPResponse:
        given = _parameters(request)
        if "merchant_uid" not in given or "amount" not in given:
            return _failed("merchant_uid, amount 파라메터가 누락되었습니다.", status=400)
        known = self.store.get("prepared", given["merchant_uid"]) is not None
        if request.method == "POST" and known:
            return _failed("이미 등록된 merchant_uid입니다.", code=1)
        if request.method == "PUT" and not known:
            return _failed(_NOT_PREPARED, status=404)
        prepared = {
            "merchant_uid": given["merchant_uid"],
            "amount": _number(given["amount"]),
            "currency": given.get("currency", "KRW"),
        }
        self.store.put("prepared", given["merchant_uid"], prepared)
        return _ok(prepared)

    async def _prepared(self, _request: Request, merchant_uid: str) -> HTTPResponse:
        prepared = self.store.get("prepared", merchant_uid)
        return _ok(prepared) if prepared else _failed(_NOT_PREPARED, status=404)

    async def _cancel(self, request: Request) -> HTTPResponse:
        """`imp_uid` wins over `merchant_uid`, even where it is wrong. Refusals are HTTP 200."""
        given = _parameters(request)
        payment = self._to_cancel(given)
        if payment is None:
            return _failed(_NOTHING_TO_CANCEL, code=1)
        refusal = cancel_in_place(
            payment,
            amount=_number(given["amount"]) if given.get("amount") else None,
            checksum=_number(given["checksum"]) if given.get("checksum") is not None else None,
            reason=given.get("reason"),
            to_account=all(given.get(name) for name in _ACCOUNT),
            now=self.now(),
        )
        if refusal is not None:
            return _failed(refusal, code=1)
        self._keep(payment)
        if given.get("enable_webhook") in {True, "true"}:
            self._announce(_canceled_webhook(payment))
        return _ok(payment)

    def _to_cancel(self, given: Json) -> Json | None:
        if given.get("imp_uid"):
            payment = self.store.get("payment", given["imp_uid"])
            return payment if payment and cancelable(payment) else None
        for payment in reversed(self.store.all("payment")):
            if payment["merchant_uid"] == given.get("merchant_uid") and payment["paid_at"]:
                return payment
        return None

    # ---- what the control API plays ----

    def pay(self, turn: BuyerTurn) -> tuple[Json, Webhook | None]:
        prepared = self.store.get("prepared", turn.order_id) or {}
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
        self._keep(payment)
        carried = {"imp_uid": payment["imp_uid"], "merchant_uid": payment["merchant_uid"]}
        if turn.outcome in {"failed", "abandoned"}:
            # PortOne sends no webhook when an ordinary payment fails.
            return {**carried, "error_code": "F400", "error_msg": payment["fail_reason"]}, None
        return carried, _webhook(payment)

    def _check_window(self, turn: BuyerTurn, prepared: Json) -> None:
        """What the payment window refuses by itself."""
        if prepared and turn.amount not in {None, prepared["amount"]}:
            message = f"{prepared['amount']} was prepared, not {turn.amount} (force skips this)"
            raise NotPossible(message, code="amount_not_prepared")
        for payment in self.store.all("payment"):
            if payment["merchant_uid"] == turn.order_id and payment["status"] == "paid":
                raise NotPossible("Already paid (force skips this)", code="already_paid")

    def deposit(self, payment_key: str) -> Webhook:
        payment = self._one(payment_key)
        deposit_in_place(payment, self.now())
        return _webhook(self._keep(payment))

    def undo_deposit(self, payment_key: str) -> Webhook:
        payment = self._one(payment_key)
        undo_deposit_in_place(payment)
        return _webhook(self._keep(payment))

    def refund(self, payment_key: str, amount: float | None) -> Webhook:
        payment = self._one(payment_key)
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
        return _canceled_webhook(self._keep(payment))

    def dispute(self, payment_key: str, status: str) -> Webhook:
        message = f"PortOne V1 shows no disputes ({payment_key}: {status})"
        raise NotPossible(message)

    def webhook(self, payment_key: str, forge: Json) -> Webhook:
        payment = self.store.get("payment", payment_key)
        if payment is None and "merchant_uid" not in forge:
            raise NotPossible("No such payment: forge at least merchant_uid")
        body = _webhook(payment).body if payment else {"imp_uid": payment_key, "status": "paid"}
        return Webhook(payment_key, {**body, **forge}, {})

    def payments(self) -> list[Json]:
        return self.store.all("payment")

    def change(self, payment_key: str, fields: Json) -> Json:
        return self._keep({**self._one(payment_key), **fields})

    def reset(self) -> None:
        self.tokens.forget()

    def _one(self, payment_key: str) -> Json:
        payment = self.store.get("payment", payment_key)
        if payment is None:
            raise NotPossible("No such payment", code="unknown_payment")
        return payment

    def _keep(self, payment: Json) -> Json:
        self.store.put("payment", payment["imp_uid"], payment)
        return payment


def _webhook(payment: Json) -> Webhook:
    body = {name: payment[name] for name in ("imp_uid", "merchant_uid", "status")}
    return Webhook(payment["imp_uid"], body, {})


def _canceled_webhook(payment: Json) -> Webhook:
    body = {**_webhook(payment).body, "status": "cancelled"}
    body["cancellation_id"] = payment["cancel_history"][-1]["cancellation_id"]
    return Webhook(payment["imp_uid"], body, {})


def _ok(response: object) -> HTTPResponse:
    return json({"code": 0, "message": None, "response": response})


def _failed(message: str, *, code: int = -1, status: int = 200) -> HTTPResponse:
    return json({"code": code, "message": message, "response": None}, status=status)


def _query(request: Request) -> ListQuery:
    return ListQuery.model_validate({name: values[-1] for name, values in request.args.items()})


def _page(found: list[Json], query: ListQuery) -> HTTPResponse:
    page = paged(found, query)
    return _ok(page) if page else _failed("데이터 범위를 넘어선 page입니다.", status=400)


def _parameters(request: Request) -> Json:
    """A form or JSON, as every call of the API takes."""
    if request.content_type.startswith("application/json"):
        return request.json if isinstance(request.json, dict) else {}
    return {name: values[0] for name, values in (request.form or {}).items()}


def _number(value: str | float) -> int | float:
    number = float(value)
    return int(number) if number.is_integer() else number
