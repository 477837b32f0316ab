"""The keys and headers that Supabase's own API gateway cares about."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from devstack.keys import ApiKeys
from tests.support.stacks import LocalStack, Person

FORGED = ApiKeys("another-secret-that-is-at-least-32-characters")


@pytest.fixture(scope="module")
def http(stack: LocalStack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.api_url) as client:
        yield client


@pytest.fixture(scope="module")
def mina(stack: LocalStack) -> Person:
    return stack.sign_up()


def test_a_request_without_a_key_is_refused(http: httpx.Client) -> None:
    answer = http.get("/rest/v1/token_products")
    assert answer.status_code == 401
    assert answer.json()["message"] == "No API key found in request"


@pytest.mark.parametrize("key", ["nonsense", "sb_secret_nonsense", FORGED.anon, FORGED.secret])
def test_a_key_of_another_project_is_refused(http: httpx.Client, key: str) -> None:
    for path in ("/rest/v1/token_products", "/auth/v1/user"):
        answer = http.get(path, headers={"apikey": key})
        assert (answer.status_code, answer.json()["message"]) == (401, "Invalid API key")


def test_an_expired_key_is_refused(http: httpx.Client, stack: LocalStack) -> None:
    expired = stack.keys.sign({"role": "service_role", "exp": int(time.time()) - 1})
    assert http.get("/rest/v1/token_products", headers={"apikey": expired}).status_code == 401


def test_a_users_token_is_no_key(http: httpx.Client, mina: Person) -> None:
    assert http.get("/rest/v1/token_products", headers={"apikey": mina.token}).status_code == 401


def test_both_generations_of_public_keys_are_anon(http: httpx.Client, stack: LocalStack) -> None:
    for key in (stack.keys.anon, stack.keys.publishable):
        for headers in ({"apikey": key}, {"apikey": key, "authorization": f"Bearer {key}"}):
            assert len(http.get("/rest/v1/token_products", headers=headers).json()) > 0
            refused = http.post("/rest/v1/rpc/coinslot_get_settings", json={}, headers=headers)
            assert refused.status_code == 401  # anon may not, and could by signing in


def test_both_generations_of_secret_keys_are_the_service(
    http: httpx.Client, stack: LocalStack
) -> None:
    for key in (stack.keys.service_role, stack.keys.secret):
        for headers in ({"apikey": key}, {"apikey": key, "authorization": f"Bearer {key}"}):
            answer = http.post("/rest/v1/rpc/coinslot_get_settings", json={}, headers=headers)
            assert answer.json()["mode"] == "test"


def test_a_secret_key_as_bearer_of_another_key_is_refused(
    http: httpx.Client, stack: LocalStack
) -> None:
    headers = {"apikey": stack.keys.publishable, "authorization": f"Bearer {stack.keys.secret}"}
    assert http.get("/rest/v1/token_products", headers=headers).status_code == 401


@pytest.mark.parametrize("key", ["anon", "publishable", "service_role", "secret"])
def test_a_users_token_decides_who_it_is(
    http: httpx.Client, stack: LocalStack, mina: Person, key: str
) -> None:
    headers = {"apikey": getattr(stack.keys, key), "authorization": f"Bearer {mina.token}"}
    wallets = http.get("/rest/v1/token_wallets?select=user_id", headers=headers)
    assert wallets.json() == [{"user_id": mina.id}]


def test_a_users_token_that_is_forged_or_expired_is_refused(
    http: httpx.Client, stack: LocalStack, mina: Person
) -> None:
    claims = {"sub": mina.id, "role": "authenticated"}
    expired = stack.keys.sign({**claims, "exp": int(time.time()) - 60})
    forged = FORGED.sign({**claims, "exp": int(time.time()) + 60})
    for token in (expired, forged, "not.a.token"):
        headers = {"apikey": stack.keys.anon, "authorization": f"Bearer {token}"}
        assert http.get("/rest/v1/token_wallets", headers=headers).status_code == 401


def test_a_browser_asks_first_and_without_a_key(http: httpx.Client) -> None:
    asked = {"origin": "https://shop.test", "access-control-request-headers": "apikey,x-own"}
    answer = http.options("/rest/v1/rpc/get_user_tokens", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == "apikey,x-own"
    assert "PATCH" in answer.headers["access-control-allow-methods"]


def test_every_answer_may_be_read_by_a_browser(http: httpx.Client, stack: LocalStack) -> None:
    for headers in ({}, {"apikey": stack.keys.anon}):
        answer = http.get(
            "/rest/v1/token_products", headers={"origin": "https://shop.test", **headers}
        )
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        assert "Content-Range" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_postgrest_says_arrives_whole(stack: LocalStack, method: str) -> None:
    headers = {"apikey": stack.keys.anon, "prefer": "count=exact", "range": "0-0"}
    path = "/token_products?name=eq.Starter%20Pack&select=id"
    answer = httpx.request(method, f"{stack.api_url}/rest/v1{path}", headers=headers)
    own = httpx.request(method, f"{stack.settings.postgrest_url}{path}", headers=headers)
    assert answer.status_code == own.status_code
    assert answer.content == own.content == (b'[{"id":"starter"}]' if method == "GET" else b"")
    for name in ("content-range", "content-type", "content-location", "preference-applied"):
        assert answer.headers[name] == own.headers[name]


def test_what_is_nowhere_is_not_found(http: httpx.Client, stack: LocalStack) -> None:
    """That holds for the address at which the gateway itself asks the auth server."""
    for path in ("/", "/storage/v1", "/_authorization", "/auth/v1/../../_authorization"):
        assert http.get(path, headers={"apikey": stack.keys.secret}).status_code == 404


def test_a_large_body_passes(http: httpx.Client, stack: LocalStack) -> None:
    """PostgREST refuses it, for its content."""
    answer = http.post(
        "/rest/v1/rpc/coinslot_get_settings",
        content=b'{"nonsense": "' + b"x" * 3_000_000 + b'"}',
        headers={**stack.headers(), "content-type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "PGRST202")
