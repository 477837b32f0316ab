"""Stripe's customers, SetupIntents and the cards that they store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sanic.response import json

from simulators.requests import NotPossible
from simulators.stripe.errors import invalid, missing
from simulators.stripe.form import parse_form
from simulators.stripe.ids import new_id

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from simulators.base import Route
    from simulators.cards import RegisterTurn
    from simulators.stripe.books import Books

Json = dict[str, Any]


class StripeBilling:
    def __init__(self, books: Books) -> None:
        self._books = books

    def routes(self) -> list[Route]:
        return [
            ("POST", "/v1/customers", self._create_customer),
            ("GET", "/v1/customers/<key:str>", self._customer),
            ("DELETE", "/v1/customers/<key:str>", self._delete_customer),
            ("POST", "/v1/setup_intents", self._create_setup),
            ("GET", "/v1/setup_intents/<key:str>", self._setup),
            ("GET", "/v1/payment_methods/<key:str>", self._method),
            ("POST", "/v1/payment_methods/<key:str>/detach", self._detach),
        ]

    def register(self, turn: RegisterTurn) -> Json:
        """`customer` is the id of a SetupIntent, or its client secret."""
        key = turn.customer.partition("_secret_")[0]
        found = self._books.all("setup_intent", id=key)
        if not found:
            raise NotPossible("No such SetupIntent", code="unknown_setup")
        setup = found[0]
        if turn.outcome == "failed":
            return {"setupIntent": setup["id"]}
        method = self._books.keep(_new_method(setup, self._books.now()))
        setup.update(status="succeeded", payment_method=method["id"])
        self._books.note("setup_intent.succeeded", self._books.keep(setup))
        return {"setupIntent": setup["id"]}

    def lose(self, customer: str) -> None:
        """Detaches the cards of a customer, or of a SetupIntent."""
        for method in self._books.all("payment_method"):
            if customer in {method["customer"], method["id"], method["setup"]}:
                self._books.keep({**method, "customer": None})

    async def _create_customer(self, request: Request) -> HTTPResponse:
        form = _form(request)
        customer = {
            "id": new_id("cus"),
            "object": "customer",
            "created": self._books.now(),
            "email": form.get("email"),
            "livemode": False,
            "metadata": dict(form.get("metadata") or {}),
        }
        return json(self._books.keep(customer))

    async def _customer(self, _request: Request, key: str) -> HTTPResponse:
        return json(self._books.one("customer", key))

    async def _delete_customer(self, _request: Request, key: str) -> HTTPResponse:
        customer = self._books.one("customer", key)
        if customer.get("deleted"):
            raise missing("customer", key, "id")
        self.lose(key)
        self._books.keep({"id": key, "object": "customer", "deleted": True})
        return json({"id": key, "object": "customer", "deleted": True})

    async def _create_setup(self, request: Request) -> HTTPResponse:
        form = _form(request)
        customer = form.get("customer")
        if customer is not None and self._books.one("customer", customer).get("deleted"):
            raise missing("customer", customer, "customer")
        key = new_id("seti")
        setup = {
            "id": key,
            "object": "setup_intent",
            "client_secret": f"{key}_secret_{new_id('s')[2:]}",
            "created": self._books.now(),
            "customer": customer,
            "last_setup_error": None,
            "livemode": False,
            "metadata": dict(form.get("metadata") or {}),
            "next_action": None,
            "payment_method": None,
            "payment_method_types": form.get("payment_method_types") or ["card"],
            "status": "requires_payment_method",
            "usage": form.get("usage", "off_session"),
        }
        return json(self._books.keep(setup))

    async def _setup(self, request: Request, key: str) -> HTTPResponse:
        setup = {**self._books.one("setup_intent", key)}
        wanted = parse_form(request.query_string).get("expand", [])
        if "payment_method" in wanted and setup["payment_method"]:
            setup["payment_method"] = self._shown(setup["payment_method"])
        return json(setup)

    async def _method(self, _request: Request, key: str) -> HTTPResponse:
        return json(self._shown(key))

    async def _detach(self, _request: Request, key: str) -> HTTPResponse:
        method = self._books.one("payment_method", key)
        if method["customer"] is None:
            raise invalid("The payment method is not attached to a customer.")
        self._books.keep({**method, "customer": None})
        return json(self._shown(key))

    def _shown(self, key: str) -> Json:
        method = self._books.one("payment_method", key)
        return {name: value for name, value in method.items() if name != "setup"}


def _new_method(setup: Json, now: int) -> Json:
    return {
        "id": new_id("pm"),
        "object": "payment_method",
        "billing_details": {"email": None, "name": None, "phone": None},
        "card": {
            "brand": "visa",
            "country": "US",
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": f"fp_{setup['id'][-8:]}",
            "funding": "credit",
            "last4": "4242",
        },
        "created": now,
        "customer": setup["customer"],
        "livemode": False,
        "metadata": {},
        "type": "card",
        "setup": setup["id"],
    }


def _form(request: Request) -> Json:
    return parse_form(request.body.decode())
