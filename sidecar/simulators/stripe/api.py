"""Stripe's own HTTP: forms in, JSON out, as Stripe's library speaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sanic.response import json

from simulators.stripe.amounts import checked_amount, checked_currency
from simulators.stripe.errors import declined, invalid, unexpected_state
from simulators.stripe.form import parse_form
from simulators.stripe.listing import EVENTS_KEPT, chosen_types, created_within, page

if TYPE_CHECKING:
    from collections.abc import Callable

    from sanic import HTTPResponse, Request

    from simulators.base import Handler, Route
    from simulators.stripe.books import Books
    from simulators.stripe.payment import Payments
    from simulators.stripe.refund import Refunds

Json = dict[str, Any]

_ENDED = frozenset({"succeeded", "canceled"})
_REASONS = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
_CANCEL_REASONS = _REASONS | {"abandoned"}
# The kind of object that a field refers to, where it can be expanded.
_REFERENCES = {"latest_charge": "charge", "charge": "charge", "payment_intent": "payment_intent"}


class StripeApi:
    """`publish` sends the events that a call caused."""

    def __init__(
        self, books: Books, payments: Payments, refunds: Refunds, publish: Callable[[], None]
    ) -> None:
        self._books = books
        self._payments = payments
        self._refunds = refunds
        self._publish = publish

    def routes(self) -> list[Route]:
        intents, one = "/v1/payment_intents", "/v1/payment_intents/<key:str>"
        return [
            ("POST", intents, self._create),
            ("GET", intents, self._listing("payment_intent", "customer")),
            ("GET", one, self._getting("payment_intent", "intent")),
            ("POST", one, self._update),
            ("POST", f"{one}/confirm", self._confirm),
            ("POST", f"{one}/cancel", self._cancel),
            ("POST", "/v1/refunds", self._refund),
            ("GET", "/v1/refunds", self._listing("refund", "charge", "payment_intent")),
            ("GET", "/v1/refunds/<key:str>", self._getting("refund", "refund")),
            ("GET", "/v1/charges", self._listing("charge", "payment_intent", "customer")),
            ("GET", "/v1/charges/<key:str>", self._getting("charge", "charge")),
            ("GET", "/v1/disputes", self._listing("dispute", "charge", "payment_intent")),
            ("GET", "/v1/disputes/<key:str>", self._getting("dispute", "dispute")),
            ("GET", "/v1/events", self._events),
            ("GET", "/v1/events/<key:str>", self._getting("event", "event")),
        ]

    async def _create(self, request: Request) -> HTTPResponse:
        form = _form(request)
        currency = checked_currency(form.get("currency"))
        amount = checked_amount(form.get("amount"), currency)
        if form.get("confirm") == "true":
            _check_return(form.get("automatic_payment_methods") or {}, form)
        intent = self._payments.create(form, amount)
        if form.get("payment_method"):
            self._payments.attach(intent, form["payment_method"])
        if form.get("confirm") == "true":
            return self._confirmed(intent, form)
        return self._answer(intent, form)

    async def _update(self, request: Request, key: str) -> HTTPResponse:
        form, intent = _form(request), self._books.one("payment_intent", key, "intent")
        if intent["status"] in _ENDED and set(form) - {"metadata", "description", "expand"}:
            raise unexpected_state(intent, "update")
        if "amount" in form:
            intent["amount"] = checked_amount(form["amount"], intent["currency"])
        if "description" in form:
            intent["description"] = form["description"]
        # An empty value removes the entry.
        metadata = {**intent["metadata"], **(form.get("metadata") or {})}
        intent["metadata"] = {name: value for name, value in metadata.items() if value}
        self._books.keep(intent)
        if "payment_method" in form:
            self._payments.attach(intent, form["payment_method"])
        return self._answer(intent, form)

    async def _confirm(self, request: Request, key: str) -> HTTPResponse:
        form, intent = _form(request), self._books.one("payment_intent", key, "intent")
        if intent["status"] in _ENDED:
            raise unexpected_state(intent, "confirm")
        _check_return(intent["automatic_payment_methods"], form)
        if "payment_method" in form:
            self._payments.attach(intent, form["payment_method"])
        return self._confirmed(intent, form)

    def _confirmed(self, intent: Json, form: Json) -> HTTPResponse:
        off_session = form.get("off_session") == "true"
        intent = self._payments.confirm(intent, off_session=off_session)
        if intent["last_payment_error"] is not None:
            self._publish()
            raise declined(intent)
        return self._answer(intent, form)

    async def _cancel(self, request: Request, key: str) -> HTTPResponse:
        form, intent = _form(request), self._books.one("payment_intent", key, "intent")
        reason = form.get("cancellation_reason")
        if reason not in _CANCEL_REASONS | {None}:
            raise invalid("Invalid cancellation_reason", param="cancellation_reason")
        return self._answer(self._payments.cancel(intent, reason), form)

    async def _refund(self, request: Request) -> HTTPResponse:
        form = _form(request)
        if form.get("reason") not in _REASONS | {None}:
            raise invalid("Invalid reason", param="reason")
        charge = self._charge_to_refund(form)
        amount = form.get("amount")
        if amount is not None and not amount.isdigit():
            raise invalid("Invalid integer", code="parameter_invalid_integer", param="amount")
        refund = self._refunds.make(charge, amount and int(amount), form)
        return self._answer(refund, form)

    def _charge_to_refund(self, form: Json) -> Json:
        if "charge" in form:
            return self._books.one("charge", form["charge"], "charge")
        if "payment_intent" not in form:
            raise invalid("One of the following params should be provided: payment_intent, charge.")
        intent = self._books.one("payment_intent", form["payment_intent"], "payment_intent")
        if intent["status"] != "succeeded":
            message = f"This PaymentIntent ({intent['id']}) does not have a successful charge."
            raise invalid(message, param="payment_intent")
        return self._books.one("charge", intent["latest_charge"])

    def _getting(self, kind: str, param: str) -> Handler:
        async def call(request: Request, key: str) -> HTTPResponse:
            return self._answer(self._books.one(kind, key, param), _query(request))

        return call

    def _listing(self, kind: str, *filters: str) -> Handler:
        async def call(request: Request) -> HTTPResponse:
            form = _query(request)
            where = {name: str(form[name]) for name in filters if name in form}
            inside = created_within(form.get("created"))
            found = [each for each in self._books.all(kind, **where) if inside(each)]
            listed = page(f"/v1/{kind}s", found, form)
            paths = [path.removeprefix("data.") for path in form.get("expand", [])]
            listed["data"] = [self._expanded(each, paths) for each in listed["data"]]
            return json(listed)

        return call

    async def _events(self, request: Request) -> HTTPResponse:
        """Those of the kinds that are asked for, of the last thirty days."""
        form = _query(request)
        chosen = chosen_types(form)
        first, inside = self._books.now() - EVENTS_KEPT, created_within(form.get("created"))
        found = [
            each
            for each in self._books.all("event")
            if each["created"] >= first and inside(each) and chosen(each["type"])
        ]
        return json(page("/v1/events", found, form))

    def _answer(self, document: Json, form: Json) -> HTTPResponse:
        self._publish()
        return json(self._expanded(document, form.get("expand", [])))

    def _expanded(self, document: Json, paths: list[str]) -> Json:
        """`a.b` expands `a` and, in it, `b`."""
        deeper: dict[str, list[str]] = {}
        for path in paths:
            head, _, rest = path.partition(".")
            deeper.setdefault(head, []).extend([rest] if rest else [])
        given = {head: self._referred(document, head, rest) for head, rest in deeper.items()}
        return {**document, **given}

    def _referred(self, document: Json, name: str, paths: list[str]) -> Any:  # noqa: ANN401 - JSON
        if name == "refunds" and document["object"] == "charge":
            refunds = self._books.all("refund", charge=document["id"])
            return page(f"/v1/charges/{document['id']}/refunds", refunds, {})
        if name not in _REFERENCES or name not in document:
            message = f"This property cannot be expanded ({name})."
            raise invalid(message, param="expand")
        key = document[name]
        return self._expanded(self._books.one(_REFERENCES[name], key), paths) if key else None


def _form(request: Request) -> Json:
    return _parsed(request.body.decode("utf-8", "replace"))


def _query(request: Request) -> Json:
    return _parsed(request.query_string)


def _parsed(text: str) -> Json:
    try:
        return parse_form(text)
    except ValueError as error:
        raise invalid(str(error)) from error


def _check_return(automatic: Json, form: Json) -> None:
    """Refuses a confirm from a server where the buyer could be redirected and not return."""
    never = automatic.get("allow_redirects") == "never"
    if automatic.get("enabled", True) in {True, "true"} and not never and "return_url" not in form:
        raise invalid(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. "
            "Because some of these payment methods might redirect your customer off of your page, "
            "you must provide a `return_url`."
        )
