"""Requests that no client library would send: each is refused by name, and nothing is written."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import jwt
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stacks import LocalStack, Person

LONG = "x" * 10_000
MINA = "00000000-0000-4000-8000-000000000001"
SPEND = {"amount": 1, "idempotency_key": "key"}
CALLS: dict[str, dict[str, Any]] = {
    "get_user_tokens": {},
    "spend_tokens": SPEND,
    "add_tokens": {**SPEND, "user_id": MINA},
}
BUSY = """
    select count(*) from pg_stat_activity
    where backend_type = 'client backend' and state <> 'idle' and pid <> pg_backend_pid()
"""
Refusal = tuple[int, str, str | None]
"""Status, code, and the message where it is ours."""

INVALID_AMOUNT: Refusal = (400, "PT400", "invalid_amount")
INVALID_ARGUMENT: Refusal = (400, "PT400", "invalid_argument")
CURRENCY_NOT_TAKEN: Refusal = (400, "PT400", "currency_not_taken")
NOT_A_NUMBER: Refusal = (400, "22P02", None)
OUT_OF_RANGE: Refusal = (400, "22003", None)
NO_SUCH_CALL: Refusal = (404, "PGRST202", None)
BAD_JSON: Refusal = (400, "PGRST102", None)
BAD_TOKEN: Refusal = (401, "PGRST301", None)
NOT_SIGNED_IN: Refusal = (401, "42501", None)


@dataclass(frozen=True)
class Api:
    """PostgREST as this person sees it, behind the API gateway."""

    http: httpx.Client
    stack: LocalStack
    person: Person

    def rpc(self, name: str, body: object, headers: dict[str, str] | None = None) -> httpx.Response:
        headers = headers or self.stack.headers(self.person)
        return self.http.post(f"/rpc/{name}", json=body, headers=headers)


@pytest.fixture(scope="module")
def api(stack: LocalStack) -> Iterator[Api]:
    with httpx.Client(base_url=f"{stack.api_url}/rest/v1", timeout=30, trust_env=False) as http:
        yield Api(http, stack, stack.sign_up())


@pytest.fixture(scope="module", autouse=True)
def nothing_else_goes_on(stack: LocalStack) -> Iterator[None]:
    """Lets work that the sidecar still has from tests before these wait until after them."""
    sidecar = stack.manager.processes.find("sidecar")
    assert sidecar is not None
    sidecar.suspend()
    with stack.connect() as owner:
        while owner.execute(BUSY).fetchone() != (0,):
            time.sleep(0.05)
    yield
    sidecar.resume()


@pytest.fixture(autouse=True)
def nothing_is_written(api: Api) -> Iterator[None]:
    """Not by any of these, not for anybody."""
    before = written(api.stack)
    yield
    assert written(api.stack) == before


def written(stack: LocalStack) -> tuple[Any, ...]:
    tables = ("token_wallets", "token_ledger", "token_payments", "token_payment_events", "profiles")
    states = [
        f"(select jsonb_agg(to_jsonb(t) order by t::text) from {table} t)" for table in tables
    ]
    holds = "(select count(*) from coinslot.token_holds)"
    with stack.connect() as connection:
        found = connection.execute(f"select {', '.join([*states, holds])}").fetchone()
    assert found is not None
    return found


def refusal(answer: httpx.Response, expected: Refusal) -> Refusal:
    """The answer, without a message where none is expected of us."""
    body = answer.json()
    assert set(body) == {"code", "message", "details", "hint"}
    return answer.status_code, body["code"], expected[2] and body["message"]


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0, INVALID_AMOUNT),
        (-1, INVALID_AMOUNT),
        (None, INVALID_AMOUNT),
        (2**53, INVALID_AMOUNT),
        (2**63, OUT_OF_RANGE),
        (-(10**30), OUT_OF_RANGE),
        (1.5, NOT_A_NUMBER),
        ("many", NOT_A_NUMBER),
        ("", NOT_A_NUMBER),
        (True, NOT_A_NUMBER),
        ([1], NOT_A_NUMBER),
        ({"amount": 1}, NOT_A_NUMBER),
    ],
)
def test_amount_that_is_no_count_of_tokens(api: Api, amount: object, expected: Refusal) -> None:
    spend = {"amount": amount, "idempotency_key": "key"}
    grant = {**spend, "user_id": api.person.id}
    for_all = api.stack.headers()
    assert refusal(api.rpc("spend_tokens", spend), expected) == expected
    for rpc in ("spend_tokens_for", "add_tokens", "hold_tokens_for"):
        assert refusal(api.rpc(rpc, grant, for_all), expected) == expected


ORDER = {"product_id": "starter", "gateway": "portone"}
UNKNOWN_FEATURE: Refusal = (404, "PT404", "feature_not_found")
UNKNOWN_PRODUCT: Refusal = (404, "PT404", "product_not_found")
UNKNOWN_ORDER: Refusal = (404, "PT404", "order_not_found")
ARGUMENTS: dict[str, tuple[str, dict[str, object], Refusal]] = {
    "empty key": ("spend_tokens", {**SPEND, "idempotency_key": ""}, INVALID_ARGUMENT),
    "long key": ("spend_tokens", {**SPEND, "idempotency_key": LONG}, INVALID_ARGUMENT),
    "null key": ("spend_tokens", {**SPEND, "idempotency_key": None}, INVALID_ARGUMENT),
    "NUL in key": ("spend_tokens", {**SPEND, "idempotency_key": "a\0b"}, (400, "22P05", None)),
    "no key": ("spend_tokens", {"amount": 1}, NO_SUCH_CALL),
    "other user": ("spend_tokens", {**SPEND, "user_id": MINA}, NO_SUCH_CALL),
    "long reason": ("spend_tokens", {**SPEND, "reason": LONG}, INVALID_ARGUMENT),
    "metadata list": ("spend_tokens", {**SPEND, "metadata": [1]}, INVALID_ARGUMENT),
    "long metadata": ("spend_tokens", {**SPEND, "metadata": {"a": LONG}}, INVALID_ARGUMENT),
    "feature": ("use_feature", {"feature": "x", "idempotency_key": "key"}, UNKNOWN_FEATURE),
    "long feature": ("use_feature", {"feature": LONG, "idempotency_key": "key"}, UNKNOWN_FEATURE),
    "feature's key": (
        "use_feature",
        {"feature": "question", "idempotency_key": LONG},
        INVALID_ARGUMENT,
    ),
    "product": ("create_token_order", {**ORDER, "product_id": "gold"}, UNKNOWN_PRODUCT),
    "gateway": ("create_token_order", {**ORDER, "gateway": "cash"}, INVALID_ARGUMENT),
    "currency": ("create_token_order", {**ORDER, "currency": "BTC"}, CURRENCY_NOT_TAKEN),
    "order's key": ("create_token_order", {**ORDER, "idempotency_key": LONG}, INVALID_ARGUMENT),
    "own price": ("create_token_order", {**ORDER, "amount": 1}, NO_SUCH_CALL),
    "order": ("cancel_token_order", {"order_id": "ord_ffffffffffffffff"}, UNKNOWN_ORDER),
    "long name": ("update_profile", {"display_name": LONG}, INVALID_ARGUMENT),
    "locale": ("update_profile", {"locale": "'; drop table wallets"}, INVALID_ARGUMENT),
}


@pytest.mark.parametrize(("rpc", "arguments", "expected"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_argument_that_cannot_be_meant(
    api: Api, rpc: str, arguments: dict[str, object], expected: Refusal
) -> None:
    assert refusal(api.rpc(rpc, arguments), expected) == expected


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("application/json", b'{"amount": 1, "idempotency_key"', BAD_JSON),
        ("application/json", b"{amount: 1}", BAD_JSON),
        ("application/json", b"\xff\xfe", BAD_JSON),
        ("application/json", b"", NO_SUCH_CALL),
        ("application/json", b"[]", NO_SUCH_CALL),
        ("application/json", b"1", NO_SUCH_CALL),
        ("text/plain", json.dumps(SPEND).encode(), NO_SUCH_CALL),
        ("text/xml", b"<amount>1</amount>", NO_SUCH_CALL),
    ],
)
def test_body_that_is_not_the_calls_json(
    api: Api, kind: str, body: bytes, expected: Refusal
) -> None:
    headers = {**api.stack.headers(api.person), "content-type": kind}
    answer = api.http.post("/rpc/spend_tokens", content=body, headers=headers)
    assert refusal(answer, expected) == expected


def test_spending_by_get_is_refused(api: Api) -> None:
    query = {"amount": "1", "idempotency_key": "key"}
    headers = api.stack.headers(api.person)
    answer = api.http.get("/rpc/spend_tokens", params=query, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (405, "25006")


class TestToken:
    """Headers of somebody who is not who they say."""

    @pytest.fixture(
        params=[
            "expired",
            "not yet valid",
            "forged",
            "forged service",
            "unsigned",
            "role swapped",
            "user swapped",
            "nonsense",
        ]
    )
    def token(self, request: pytest.FixtureRequest, api: Api) -> str:
        claims = jwt.decode(api.person.token, options={"verify_signature": False})
        service = {**claims, "role": "service_role"}
        another_secret = "another secret, which is long enough for HS256"
        now = int(time.time())
        tokens = {
            "expired": api.stack.keys.sign({**claims, "exp": now - 60}),
            "not yet valid": api.stack.keys.sign({**claims, "nbf": now + 600}),
            "forged": jwt.encode(claims, another_secret),
            "forged service": jwt.encode(service, another_secret),
            "unsigned": jwt.encode(service, "", algorithm="none"),
            "role swapped": swapped(api.person.token, service),
            "user swapped": swapped(api.person.token, {**claims, "sub": MINA}),
            "nonsense": "a.b.c",
        }
        return tokens[request.param]

    @pytest.mark.parametrize("rpc", ["get_user_tokens", "spend_tokens", "add_tokens"])
    def test_that_is_not_ours_is_refused(self, api: Api, token: str, rpc: str) -> None:
        answer = api.rpc(rpc, CALLS[rpc], headers_of(api, token))
        assert refusal(answer, BAD_TOKEN) == BAD_TOKEN

    def test_that_is_not_ours_reads_nothing(self, api: Api, token: str) -> None:
        answer = api.http.get("/token_wallets", headers=headers_of(api, token))
        assert refusal(answer, BAD_TOKEN) == BAD_TOKEN

    @pytest.mark.parametrize("rpc", ["get_user_tokens", "spend_tokens", "add_tokens"])
    def test_missing_or_the_anon_key_is_nobody(self, api: Api, rpc: str) -> None:
        for headers in ({"apikey": api.stack.keys.anon}, headers_of(api, api.stack.keys.anon)):
            assert refusal(api.rpc(rpc, CALLS[rpc], headers), NOT_SIGNED_IN) == NOT_SIGNED_IN

    def test_without_a_user_is_a_refusal_and_no_trust(self, api: Api) -> None:
        """`auth.uid()` is null for the service."""
        claims = jwt.decode(api.person.token, options={"verify_signature": False})
        nobody = api.stack.keys.sign({name: claims[name] for name in claims if name != "sub"})
        expected = (401, "PT401", "unauthenticated")
        for rpc in ("get_user_tokens", "spend_tokens"):
            answer = api.rpc(rpc, CALLS[rpc], headers_of(api, nobody))
            assert refusal(answer, expected) == expected
        assert api.http.get("/token_wallets", headers=headers_of(api, nobody)).json() == []

    def test_of_a_service_key_that_is_not_ours_is_refused(self, api: Api) -> None:
        forged = jwt.encode({"role": "service_role"}, "another secret, long enough for HS256 too")
        answer = api.rpc("add_tokens", CALLS["add_tokens"], {"apikey": forged})
        assert (answer.status_code, answer.json()["message"]) == (401, "Invalid API key")


def headers_of(api: Api, token: str) -> dict[str, str]:
    return {"apikey": api.stack.keys.anon, "authorization": f"Bearer {token}"}


def swapped(token: str, claims: dict[str, Any]) -> str:
    """Other claims under the token's old signature."""
    header, _, signature = token.split(".")
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{header}.{payload}.{signature}"
