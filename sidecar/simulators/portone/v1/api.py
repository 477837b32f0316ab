"""PortOne V1's own HTTP. A refusal of a cancel is HTTP 200."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from simulators.portone.v1.envelope import failed, ok
from simulators.portone.v1.listing import ListQuery, in_order, of_status, paged
from simulators.portone.v1.refund import cancel_in_place, cancelable
from simulators.portone.v1.webhook import cancel_webhook
from simulators.requests import json_object

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanic import HTTPResponse, Request

    from simulators.base import Handler, Route
    from simulators.portone.v1.access import Access, Tokens
    from simulators.portone.v1.books import Books
    from simulators.webhooks import Webhook

Json = dict[str, Any]

_NO_PAYMENT = "존재하지 않는 결제정보입니다."
_NOT_PREPARED = "사전등록된 결제정보가 존재하지 않습니다."
_NO_ACCOUNT = "말소할 가상계좌가 존재하지 않습니다."
_NOTHING_TO_CANCEL = "취소할 결제건이 존재하지 않습니다."
_ACCOUNT = ("refund_bank", "refund_account", "refund_holder")


class PortOneV1Api:
    """`announce` sends the webhook that a call caused."""

    def __init__(
        self,
        books: Books,
        tokens: Tokens,
        access: Access,
        now: Callable[[], int],
        announce: Callable[[Webhook], None],
    ) -> None:
        self._books = books
        self._tokens = tokens
        self._access = access
        self._now = now
        self._announce = announce

    def routes(self) -> list[Route]:
        admitted = self._access.admitted
        listed = self._listed
        return [
            ("POST", "/users/getToken", self._get_token),
            ("POST", "/payments/prepare", admitted(self._prepare)),
            ("PUT", "/payments/prepare", admitted(self._prepare)),
            ("GET", "/payments/prepare/<merchant_uid:str>", admitted(self._prepared)),
            ("POST", "/payments/cancel", admitted(self._cancel)),
            ("DELETE", "/vbanks/<imp_uid:str>", admitted(self._delete_account)),
            ("GET", "/payments/find/<merchant_uid:str>", listed(self._find)),
            ("GET", "/payments/find/<merchant_uid:str>/<status:str>", listed(self._find)),
            ("GET", "/payments/findAll/<merchant_uid:str>", listed(self._find_all)),
            ("GET", "/payments/findAll/<merchant_uid:str>/<status:str>", listed(self._find_all)),
            ("GET", "/payments/status/<status:str>", listed(self._of_status)),
            ("GET", "/payments/<imp_uid:str>", admitted(self._read)),
        ]

    def _listed(self, handler: Handler) -> Handler:
        """An admitted handler that is given the query of a list."""

        async def call(request: Request, **path: str) -> HTTPResponse:
            given = {name: values[-1] for name, values in request.args.items()}
            try:
                query = ListQuery.model_validate(given)
            except ValidationError as error:
                return failed(str(error.errors()[0]["loc"]), status=400)
            return await handler(query, **path)

        return self._access.admitted(call)

    async def _get_token(self, request: Request) -> HTTPResponse:
        given = _parameters(request)
        if "imp_key" not in given or "imp_secret" not in given:
            return failed("imp_key, imp_secret 파라메터가 누락되었습니다.", status=400)
        token = self._tokens.issue(given["imp_key"], given["imp_secret"], self._now())
        if token is None:
            return failed("imp_key, imp_secret 인증에 실패하였습니다.", status=401)
        return ok(token)

    async def _read(self, request: Request, imp_uid: str) -> HTTPResponse:
        """Hides test payments unless `include_sandbox=true`."""
        payment = self._books.find(imp_uid)
        asked_for_tests = request.args.get("include_sandbox") == "true"
        if payment is None or (payment.get("sandbox") and not asked_for_tests):
            return failed(_NO_PAYMENT, status=404)
        return ok(payment)

    async def _find(
        self, query: ListQuery, merchant_uid: str, status: str | None = None
    ) -> HTTPResponse:
        found = self._sorted(query, merchant_uid, status)
        return ok(found[0]) if found else failed(_NO_PAYMENT, status=404)

    async def _find_all(
        self, query: ListQuery, merchant_uid: str, status: str | None = None
    ) -> HTTPResponse:
        found = self._sorted(query, merchant_uid, status)
        return _page(found, query) if found else failed(_NO_PAYMENT, status=404)

    async def _of_status(self, query: ListQuery, status: str) -> HTTPResponse:
        found = of_status(self._books.all(), status, query, self._now())
        if status not in {"all", "ready", "paid", "cancelled", "failed"} or found is None:
            return failed("조회기간은 최대 90일입니다.", status=400)
        return _page(in_order(found, query.sorting), query)

    def _sorted(self, query: ListQuery, merchant_uid: str, status: str | None) -> list[Json]:
        ours = self._books.all(merchant_uid)
        found = [payment for payment in ours if status in {None, payment["status"]}]
        return in_order(found, query.sorting)

    async def _prepare(self, request: Request) -> HTTPResponse:
        given = _parameters(request)
        if "merchant_uid" not in given or "amount" not in given:
            return failed("merchant_uid, amount 파라메터가 누락되었습니다.", status=400)
        known = self._books.prepared(given["merchant_uid"]) is not None
        if request.method == "POST" and known:
            return failed("이미 등록된 merchant_uid입니다.", code=1)
        if request.method == "PUT" and not known:
            return failed(_NOT_PREPARED, status=404)
        prepared = {
            "merchant_uid": given["merchant_uid"],
            "amount": _number(given["amount"]),
            "currency": given.get("currency", "KRW"),
        }
        return ok(self._books.prepare(prepared))

    async def _prepared(self, _request: Request, merchant_uid: str) -> HTTPResponse:
        prepared = self._books.prepared(merchant_uid)
        return ok(prepared) if prepared else failed(_NOT_PREPARED, status=404)

    async def _cancel(self, request: Request) -> HTTPResponse:
        """`imp_uid` wins over `merchant_uid`, even where it is wrong."""
        given = _parameters(request)
        payment = self._to_cancel(given)
        if payment is None:
            return failed(_NOTHING_TO_CANCEL, code=1)
        refusal = cancel_in_place(
            payment,
            amount=_number(given["amount"]) if given.get("amount") else None,
            checksum=_number(given["checksum"]) if given.get("checksum") is not None else None,
            reason=given.get("reason"),
            to_account=all(given.get(name) for name in _ACCOUNT),
            now=self._now(),
        )
        if refusal is not None:
            return failed(refusal, code=1)
        self._books.keep(payment)
        if given.get("enable_webhook") in {True, "true"}:
            self._announce(cancel_webhook(payment))
        return ok(payment)

    async def _delete_account(self, _request: Request, imp_uid: str) -> HTTPResponse:
        payment = self._books.find(imp_uid)
        if payment is None or payment["status"] != "ready" or not payment["vbank_num"]:
            return failed(_NO_ACCOUNT, code=1)
        payment.update(status="cancelled", cancelled_at=self._now())
        return ok(self._books.keep(payment))

    def _to_cancel(self, given: Json) -> Json | None:
        if given.get("imp_uid"):
            payment = self._books.find(given["imp_uid"])
            return payment if payment and cancelable(payment) else None
        ours = self._books.all(given.get("merchant_uid") or "")
        return next((payment for payment in reversed(ours) if payment["paid_at"]), None)


def _page(found: list[Json], query: ListQuery) -> HTTPResponse:
    page = paged(found, query)
    return ok(page) if page else failed("데이터 범위를 넘어선 page입니다.", status=400)


def _parameters(request: Request) -> Json:
    """The fields of a form or of JSON, as every call of the API takes; none of anything else."""
    if request.content_type.startswith("application/json"):
        return json_object(request) or {}
    return {name: values[0] for name, values in (request.form or {}).items()}


def _number(value: str | float) -> int | float:
    number = float(value)
    return int(number) if number.is_integer() else number
