"""Toss's keys: a pair, of the mode, each in its own place."""

from __future__ import annotations

import httpx
import pytest

from coinslot.gateways.registry import open_gateways
from coinslot.settings.deployment import SettingsError
from tests.support.sidecars import settings

OWN = {"supabase_url": "https://project.supabase.co", "iamport_api_url": "https://api.iamport.kr"}


def keys(client: str | None, secret: str | None, mode: str = "test") -> dict[str, str]:
    given = {"toss_client_key": client, "toss_secret_key": secret, "coinslot_mode": mode}
    return {**OWN, **{name: value for name, value in given.items() if value is not None}}


@pytest.mark.parametrize(
    ("client", "secret", "mode"),
    [
        ("test_ck_D5GePWvyJnrK0W0k6q8gLzN97Eoq", "test_sk_zXLkKEypNArWmo50nX3lmeaxYG5R", "test"),
        ("test_gck_docs_Ovk5rk1EwkEbP0W43n07xlzm", "test_gsk_docs_OaPz8L5KdmQXkzRz3y47", "test"),
        ("live_ck_x", "live_sk_x", "live"),
        ("live_gck_x", "live_gsk_x", "live"),
    ],
)
async def test_pair_of_the_mode_is_taken(client: str, secret: str, mode: str) -> None:
    async with httpx.AsyncClient() as http:
        assert "toss" in open_gateways(settings(**keys(client, secret, mode)), http)


async def test_without_keys_it_is_off() -> None:
    async with httpx.AsyncClient() as http:
        assert "toss" not in open_gateways(settings(), http)


@pytest.mark.parametrize(
    ("given", "named", "not_named"),
    [
        (keys("test_ck_x", None), "TOSS_SECRET_KEY not set", "TOSS_CLIENT_KEY"),
        (keys(None, "test_sk_hush"), "TOSS_CLIENT_KEY not set", "TOSS_SECRET_KEY"),
        # Each in the other's place: the secret one would go to every browser.
        (keys("test_sk_hush", "test_ck_x"), "TOSS_CLIENT_KEY is an invalid client key", "no pair"),
        (keys("test_ck_x", "test_ck_x"), "TOSS_SECRET_KEY is an invalid secret", "CLIENT_KEY is"),
        (keys("live_ck_x", "live_sk_hush"), "TOSS_CLIENT_KEY is an invalid client key", "no pair"),
        (keys("test_ck_x", "live_sk_hush"), "TOSS_SECRET_KEY is an invalid secret", "CLIENT_KEY i"),
        (keys("test_ck_x", "test_sk_hush", "live"), "TOSS_SECRET_KEY is an invalid", "no pair"),
        (keys("test_gck_x", "test_sk_hush"), "no pair", "invalid"),
        (keys("test_ck_x", "test_gsk_hush"), "no pair", "invalid"),
        (keys("test_ck_", "test_sk_hush"), "TOSS_CLIENT_KEY is an invalid", "TOSS_SECRET"),
        (keys("test_ck_x y", "test_sk_hush"), "TOSS_CLIENT_KEY is an invalid", "TOSS_SECRET"),
    ],
)
def test_what_is_wrong_is_named_and_not_shown(
    given: dict[str, str], named: str, not_named: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(**given)
    assert named in str(caught.value)
    assert not_named not in str(caught.value)
    assert "hush" not in str(caught.value)


def test_live_mode_wants_toss_itself() -> None:
    with pytest.raises(SettingsError, match="TOSS_API_URL"):
        settings(**keys("live_ck_x", "live_sk_x", "live"), toss_api_url="http://127.0.0.1:1/toss")
