"""Auth, used by the unmodified client libraries."""

from __future__ import annotations

import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from supabase import AsyncClient
from supabase_auth.errors import AuthApiError

from devstack.passwords import hash_password, password_matches
from devstack.settings import ROOT
from devstack.tools import require_node
from tests.support.stacks import PASSWORD, LocalStack, Person


@pytest.fixture(params=["legacy keys", "new keys"])
def keys(request: pytest.FixtureRequest, stack: LocalStack) -> tuple[str, str]:
    return _pairs(stack)[request.param]


@pytest.fixture(scope="module")
def played(stack: LocalStack) -> dict[tuple[str, str], dict[str, Any]]:
    """The answers that supabase-js got, for each pair of keys."""
    pairs = list(_pairs(stack).values())
    run = subprocess.run(
        [require_node(), Path(__file__).with_name("auth.mjs"), *map(" ".join, pairs)],
        env=stack.env,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return dict(zip(pairs, json.loads(run.stdout), strict=True))


@pytest.fixture
def js(played: dict[tuple[str, str], dict[str, Any]], keys: tuple[str, str]) -> dict[str, Any]:
    return played[keys]


def _pairs(stack: LocalStack) -> dict[str, tuple[str, str]]:
    return {
        "legacy keys": (stack.keys.anon, stack.keys.service_role),
        "new keys": (stack.keys.publishable, stack.keys.secret),
    }


def test_js_signs_up_in_and_out(js: dict[str, Any]) -> None:
    user = js["signUp"]
    assert user["email"] == js["email"]
    assert user["email_confirmed_at"]
    assert user["user_metadata"] == {"name": "Mina"}
    assert js["signIn"] == js["refresh"] == user["id"]
    assert js["getUser"] == js["email"]
    assert js["update"] == {"name": "Mina", "locale": "ko"}
    assert js["signOut"] is None
    assert js["afterSignOut"] == "AuthSessionMissingError"
    assert js["tokens"] == 5


def test_js_is_told_what_is_wrong(js: dict[str, Any]) -> None:
    assert js["twice"] == "user_already_exists"
    assert js["weak"] == "weak_password"
    assert js["wrong"] == "invalid_credentials"
    assert js["refreshTwice"] == "refresh_token_not_found"


def test_js_signs_in_anonymously_and_links_an_address_later(js: dict[str, Any]) -> None:
    assert (js["anonymous"], js["anonymousTokens"]) == (True, 0)
    assert (js["linked"], js["linkedTokens"]) == (False, 5)


def test_js_administers_users_with_the_service_key_only(js: dict[str, Any]) -> None:
    assert js["notAdmin"] == "not_admin"
    assert js["created"] == "x"
    assert js.get("unconfirmed") is None
    assert js["softDeleted"] is None
    assert js["afterSoft"] == "invalid_credentials"
    assert js["deletedAt"]
    assert js["hardDeleted"] is None
    assert js["afterHard"] == "user_not_found"


@pytest_asyncio.fixture
async def client(stack: LocalStack, keys: tuple[str, str]) -> AsyncIterator[AsyncClient]:
    async with stack.supabase(key=keys[0]) as client:
        yield client
        await client.auth.sign_out()


async def test_python_signs_up_in_and_out(client: AsyncClient) -> None:
    email = f"{uuid4().hex}@example.com"
    signed_up = await client.auth.sign_up({"email": email, "password": PASSWORD})
    assert signed_up.user
    assert (await client.rpc("get_user_tokens").execute()).data == 5
    await client.auth.sign_out()
    await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})
    refreshed = await client.auth.refresh_session()
    assert refreshed.user
    assert refreshed.user.id == signed_up.user.id
    found = await client.auth.get_user()
    assert found
    assert found.user.email == email
    with pytest.raises(AuthApiError, match="Invalid login credentials"):
        await client.auth.sign_in_with_password({"email": email, "password": "wrong horse"})


async def test_python_signs_in_anonymously(client: AsyncClient) -> None:
    answer = await client.auth.sign_in_anonymously()
    assert answer.user
    assert answer.user.is_anonymous


async def test_python_administers_users(stack: LocalStack, keys: tuple[str, str]) -> None:
    email = f"{uuid4().hex}@example.com"
    async with stack.supabase(key=keys[1]) as client:
        admin = client.auth.admin
        created = await admin.create_user(
            {"email": email, "password": PASSWORD, "email_confirm": True}
        )
        assert created.user.email_confirmed_at
        await admin.delete_user(created.user.id, should_soft_delete=True)
        assert _what_is_left(stack, created.user.id) == (False, True, True)
        await admin.delete_user(created.user.id)
        assert _what_is_left(stack, created.user.id) is None
        with pytest.raises(AuthApiError, match="User not found"):
            await admin.get_user_by_id(created.user.id)


def _what_is_left(stack: LocalStack, user_id: str) -> tuple[bool, ...] | None:
    """True for each that a user still has: a readable address, a deletion, no password."""
    with stack.connect() as connection:
        return connection.execute(
            "select email like '%%@%%', deleted_at is not null, encrypted_password is null"
            " from auth.users where id = %s",
            [user_id],
        ).fetchone()


def test_a_provider_that_gives_no_address_signs_people_up(stack: LocalStack) -> None:
    sub = uuid4().hex
    person = stack.sign_up_with("kakao", sub=sub, name="미나")
    assert _identities(stack, person) == [("kakao", sub, sub)]
    assert _tokens(stack, person) == 5


def test_an_address_that_a_provider_verified_has_its_bonus_once(stack: LocalStack) -> None:
    """Deleted and back through the provider: its identity is written before the confirmation."""
    first = stack.sign_up()
    assert _identities(stack, first) == [("email", first.id, first.id)]
    with stack.connect() as connection:
        connection.execute("delete from auth.users where id = %s", [first.id])
    claims = {"sub": uuid4().hex, "email": first.email, "email_verified": True}
    assert _tokens(stack, stack.sign_up_with("google", **claims)) == 0


def test_only_the_service_signs_up_for_a_provider(stack: LocalStack) -> None:
    answers = [
        httpx.post(f"{stack.api_url}/auth/v1/_external/x", json=body, headers={"apikey": key})
        for body, key in (({"sub": "1"}, stack.keys.anon), ({}, stack.keys.service_role))
    ]
    assert [answer.status_code for answer in answers] == [403, 400]


def _identities(stack: LocalStack, person: Person) -> list[tuple[str, ...]]:
    with stack.connect() as connection:
        return connection.execute(
            "select provider, provider_id, identity_data ->> 'sub' from auth.identities"
            " where user_id = %s",
            [person.id],
        ).fetchall()


def _tokens(stack: LocalStack, person: Person) -> int:
    url = f"{stack.api_url}/rest/v1/rpc/get_user_tokens"
    answer = httpx.post(url, headers=stack.headers(person))
    return int(answer.raise_for_status().text)


def test_a_users_claims_are_supabases(stack: LocalStack) -> None:
    person = stack.sign_up()
    claims = stack.keys.verify(person.token)
    assert claims
    assert claims["sub"] == person.id
    assert claims["role"] == claims["aud"] == "authenticated"
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert claims["is_anonymous"] is False
    assert claims["session_id"]


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b'{"email": 1}', b'{"email": "no address"}'])
def test_a_broken_body_is_a_bad_request(stack: LocalStack, body: bytes) -> None:
    answer = httpx.post(
        f"{stack.api_url}/auth/v1/token?grant_type=password",
        content=body,
        headers={"apikey": stack.keys.anon, "content-type": "application/json"},
    )
    assert answer.status_code == 400


def test_seeded_people_sign_in_with_the_published_password(stack: LocalStack) -> None:
    answer = httpx.post(
        f"{stack.api_url}/auth/v1/token?grant_type=password",
        json={"email": "mina@example.com", "password": "coinslot"},
        headers={"apikey": stack.keys.anon},
    )
    assert answer.status_code == 200
    assert answer.json()["user"]["id"].endswith("0001")


def test_the_public_keys_are_told_without_a_key(stack: LocalStack) -> None:
    answer = httpx.get(f"{stack.api_url}/auth/v1/.well-known/jwks.json")
    assert (answer.status_code, answer.json()) == (200, stack.keys.key_set)


def test_a_password_hash_fits_its_password_only() -> None:
    stored = hash_password("correct horse")
    assert password_matches("correct horse", stored)
    assert not password_matches("wrong horse", stored)
    assert stored != hash_password("correct horse")
    for other in (None, "", "$2a$10$bcrypt", stored[:-4] + "AAA="):
        assert not password_matches("correct horse", other)
