"""COINSLOT_METHODS: what it says, and what is wrong with it in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coinslot.payments.storefront import offered_methods
from coinslot.settings.deployment import SettingsError, load_settings
from coinslot.settings.methods import METHODS
from tests.settings.test_deployment import GIVEN, PORTONE

if TYPE_CHECKING:
    from coinslot.settings.deployment import Settings

TOSS = {"toss_client_key": "test_ck_sandbox", "toss_secret_key": "test_sk_sandbox"}
WIDGETS = {"toss_client_key": "test_gck_sandbox", "toss_secret_key": "test_gsk_sandbox"}
STRIPE = {"stripe_publishable_key": "pk_test_sandbox", "stripe_secret_key": "sk_test_sandbox"}
ALL = {**PORTONE, **TOSS, **STRIPE}


def load(**changes: Any) -> Settings:  # noqa: ANN401
    return load_settings(**{**GIVEN, "_env_file": None, **changes})


def offered(currencies: str = "KRW USD", **changes: Any) -> list[str]:  # noqa: ANN401
    """As `card KRW toss|portone`."""
    return [
        f"{each['id']} {each['currency']} {'|'.join([each['gateway'], *each.get('fallbacks', [])])}"
        for each in offered_methods(load(**changes), currencies.split())
    ]


def test_without_it_the_first_gateway_that_can_takes_the_card() -> None:
    assert offered(**ALL) == ["card KRW portone", "card USD stripe"]
    assert offered(**TOSS, coinslot_virtual_accounts=True) == [
        "card KRW toss",
        "virtual_account KRW toss",
    ]
    assert offered(**STRIPE, coinslot_virtual_accounts=True) == [
        "card KRW stripe",
        "card USD stripe",
    ]
    assert offered() == []


def test_it_routes_each_in_its_order_and_a_currency_of_its_own_wins() -> None:
    routed = "virtual_account=toss, card = toss | portone ,card:USD=stripe,, applepay:USD=stripe"
    assert offered(**ALL, coinslot_methods=routed) == [
        "virtual_account KRW toss",
        "card KRW toss|portone",
        "card USD stripe",
        "applepay USD stripe",
    ]


def test_a_method_whose_gateway_is_off_is_left_out() -> None:
    routed = "kakaopay=portone, card=toss|portone, mobile=portone|toss"
    assert offered(**TOSS, coinslot_methods=routed) == ["card KRW toss", "mobile KRW toss"]


def test_a_currency_in_which_nothing_is_on_sale_is_left_out() -> None:
    assert offered("EUR", **ALL, coinslot_methods="card=toss|stripe") == ["card EUR stripe"]
    assert offered("", **ALL, coinslot_methods="card=toss|stripe") == ["card KRW toss|stripe"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("card", "card: write method=gateway or method:CURRENCY=gateway"),
        ("card=", "card=: write method=gateway"),
        ("card:usd=stripe", "card:usd=stripe: write method=gateway"),
        ("gold=toss", f"gold=toss: no way to pay; there are {', '.join(METHODS)}"),
        ("card=acme", "card=acme: no gateway acme; there are portone, toss, stripe"),
        ("kakaopay=stripe", "kakaopay=stripe: stripe takes card, applepay, googlepay, link"),
        ("card:USD=toss", "card:USD=toss: toss does not sell in USD"),
        ("card=toss,card=stripe", "card=stripe: is named twice; list gateways with |"),
    ],
)
def test_what_is_wrong_is_said_at_start(setting: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(coinslot_methods=setting)
    first, *problems = str(caught.value).splitlines()
    assert first.startswith("Coinslot cannot start.")
    assert len(problems) == 1
    assert f"COINSLOT_METHODS: {said}" in problems[0]


def test_all_that_is_wrong_is_said_together() -> None:
    with pytest.raises(SettingsError) as caught:
        load(coinslot_methods="gold=toss, card=acme")
    assert "gold" in str(caught.value)
    assert "acme" in str(caught.value)


def test_a_widget_stands_for_all_its_ways() -> None:
    assert offered(**WIDGETS, coinslot_methods="card=toss") == ["card KRW toss"]
    assert offered_methods(load(**WIDGETS), ["KRW"])[0]["inline"] == "widgets"
    with pytest.raises(SettingsError, match="toss takes card"):
        load(**WIDGETS, coinslot_methods="kakaopay=toss")


def test_each_tells_its_mark_its_hint_its_place_and_its_bounds() -> None:
    routed = "virtual_account=toss, mobile=portone, card:USD=stripe, link:JPY=stripe"
    told = {
        each["id"]: {name: value for name, value in each.items() if name not in {"id", "gateway"}}
        for each in offered_methods(load(**ALL, coinslot_methods=routed), ["KRW", "USD", "JPY"])
    }
    assert told == {
        "virtual_account": {"currency": "KRW", "logo": "vbank", "hint": "later", "min": 200},
        "mobile": {"currency": "KRW", "logo": "phone", "max": 1_000_000},
        "card": {
            "currency": "USD",
            "logo": "card",
            "inline": "payment",
            "min": 50,
            "max": 99_999_999,
        },
        "link": {
            "currency": "JPY",
            "logo": "link",
            "inline": "express",
            "min": 50,
            "max": 99_999_999,
        },
    }


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("portone_channel_keys", "gold=channel-key-1"),
        ("portone_channel_keys", "kakaopay"),
        ("portone_channel_keys", "kakaopay=a,kakaopay=b"),
        ("iamport_channel_keys", "applepay=channel-key-1"),
        ("portone_buyer_fields", "address"),
        ("toss_buyer_fields", "name, birthday"),
    ],
)
def test_wrong_channels_and_fields_are_named(setting: str, value: str) -> None:
    with pytest.raises(SettingsError, match=setting.upper()):
        load(**ALL, **{setting: value})
