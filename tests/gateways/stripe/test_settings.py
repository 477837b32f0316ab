"""Stripe's keys: which belong where, and in which mode."""

from __future__ import annotations

from typing import Any

import pytest

from coinslot.gateways.stripe.settings import StripeSettings
from coinslot.settings.deployment import Settings, SettingsError
from tests.support.sidecars import settings

TEST = {"stripe_secret_key": "sk_test_hush", "stripe_publishable_key": "pk_test_1"}
LIVE = {"stripe_secret_key": "sk_live_hush", "stripe_publishable_key": "pk_live_1"}
LIVE_STACK = {
    "coinslot_mode": "live",
    "supabase_url": "https://project.supabase.co",
    "iamport_api_url": "https://api.iamport.kr",
}


def load(**changes: Any) -> Settings:  # noqa: ANN401 - any field
    return settings(**changes)


def refusal(**changes: Any) -> str:  # noqa: ANN401 - any field
    with pytest.raises(SettingsError) as caught:
        load(**changes)
    assert "hush" not in str(caught.value)
    return str(caught.value)


def test_keys_of_its_mode_are_taken() -> None:
    assert load(**TEST).of(StripeSettings).stripe_publishable_key == "pk_test_1"
    restricted = load(**{**TEST, "stripe_secret_key": "rk_test_hush"})
    assert restricted.of(StripeSettings).is_on
    assert load(**LIVE_STACK, **LIVE).live


@pytest.mark.parametrize("name", TEST)
def test_key_of_the_other_mode_is_refused(name: str) -> None:
    assert f"{name.upper()} is no test key" in refusal(**{**TEST, name: LIVE[name]})
    assert f"{name.upper()} is no live key" in refusal(**LIVE_STACK, **{**LIVE, name: TEST[name]})


def test_secret_key_is_never_taken_for_the_publishable_one() -> None:
    said = refusal(stripe_secret_key="pk_test_1", stripe_publishable_key="sk_test_hush")
    assert "STRIPE_SECRET_KEY" in said
    assert "STRIPE_PUBLISHABLE_KEY" in said


@pytest.mark.parametrize("name", TEST)
def test_half_given_keys_are_named(name: str) -> None:
    half = {key: value for key, value in TEST.items() if key != name}
    assert f"{name.upper()} not set" in refusal(**half)
    assert "not set" in refusal(stripe_webhook_secret="whsec_1")


def test_webhook_secrets_are_a_list_and_blanked_in_logs() -> None:
    given = load(**TEST, stripe_webhook_secret="whsec_new, whsec_old,")
    secrets = given.of(StripeSettings).stripe_webhook_secret
    assert [each.get_secret_value() for each in secrets] == ["whsec_new", "whsec_old"]
    assert {"whsec_new", "whsec_old", "sk_test_hush"} <= set(given.secrets())
    assert "whsec_new" not in f"{given!r} {given.gateways!r}"
    assert load(**TEST).of(StripeSettings).stripe_webhook_secret == []


def test_webhook_secret_that_is_none_is_refused() -> None:
    assert "STRIPE_WEBHOOK_SECRET" in refusal(**TEST, stripe_webhook_secret="sk_test_hush")


@pytest.mark.parametrize("url", ["http://api.stripe.com", "https://127.0.0.1:8443"])
def test_live_mode_refuses_a_gateway_on_this_machine_or_in_plain(url: str) -> None:
    assert "STRIPE_API_URL" in refusal(**LIVE_STACK, **LIVE, stripe_api_url=url)
