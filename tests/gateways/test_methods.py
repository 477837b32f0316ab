"""The ways to pay at each gateway: what its script is given, and what its API calls them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.errors import AmountNotChargeable
from coinslot.gateways.banks import BANKS
from coinslot.gateways.base import Order, Refund, RefundAccount
from coinslot.gateways.declines import DECLINES, told
from coinslot.gateways.portone import banks as portone_banks
from coinslot.gateways.portone import declines as portone_declines
from coinslot.gateways.portone.channels import channels
from coinslot.gateways.portone.settings import TAKES as PORTONE_TAKES
from coinslot.gateways.portone.v1 import methods as v1_methods
from coinslot.gateways.portone.v1.refund import cancel_body as v1_cancel
from coinslot.gateways.portone.v2 import methods as v2_methods
from coinslot.gateways.portone.v2.refund import cancel_body as v2_cancel
from coinslot.gateways.stripe import declines as stripe_declines
from coinslot.gateways.stripe.currencies import amounts
from coinslot.gateways.toss import banks as toss_banks
from coinslot.gateways.toss import declines as toss_declines
from coinslot.gateways.toss import methods as toss_methods
from coinslot.gateways.toss.refund import body as toss_cancel
from coinslot.gateways.toss.refusals import CONFIRM_UNKNOWN, LATER, OUR_KEYS, TAKEN_BEFORE
from coinslot.gateways.toss.settings import TAKES as TOSS_TAKES
from coinslot.gateways.toss.settings import TossSettings
from coinslot.settings.deployment import load_settings
from coinslot.settings.methods import METHODS
from devstack.settings import ROOT
from tests.settings.test_deployment import GIVEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.portone import Simulated
    from tests.support.portone_v2 import SimulatedV2
    from tests.support.toss import SimulatedToss

WEB = ROOT / "sidecar/web/gateways"
TABLES: dict[str, Mapping[str, str]] = {
    "portone": portone_declines.DECLINES,
    "stripe": stripe_declines.DECLINES,
    "toss": toss_declines.DECLINES,
}
_CODES: dict[str, Any] = json.loads((ROOT / "tests/gateways/toss/error_codes.json").read_text())


@pytest.mark.parametrize(
    ("takes", "parameters"),
    [
        (PORTONE_TAKES, v1_methods.PARAMETERS),
        (PORTONE_TAKES, v2_methods.PARAMETERS),
        (TOSS_TAKES, toss_methods.PARAMETERS),
    ],
)
def test_each_way_that_is_taken_has_its_parameters(
    takes: tuple[str, ...], parameters: Mapping[str, object]
) -> None:
    assert set(takes) == set(parameters) <= set(METHODS)


def test_what_a_gateway_says_was_paid_with_is_what_the_buyer_chose() -> None:
    for method, written in v1_methods.PARAMETERS.items():
        assert v1_methods.NAMES[written] == method


@pytest.mark.parametrize("gateway", TABLES)
def test_a_page_and_the_sidecar_mean_the_same_by_a_code(gateway: str) -> None:
    script = (WEB / gateway / "declines.js").read_text("utf-8")
    assert dict(re.findall(r"^  (\w+): '(\w+)',$", script, re.M)) == TABLES[gateway]
    assert set(TABLES[gateway].values()) <= set(DECLINES)


def test_a_page_and_the_sidecar_have_the_same_words() -> None:
    script = (WEB / "declines.js").read_text("utf-8")
    found = re.findall(r"^  (\w+): \{\n    en: '(.*)',\n    ko: '(.*)',\n  \},$", script, re.M)
    assert {reason: (en, ko) for reason, en, ko in found} == {**DECLINES}


@pytest.mark.parametrize(("code", "status"), _CODES["confirm"].items())
def test_every_no_of_a_confirm_is_told_in_our_words(code: str, status: int) -> None:
    resolved = status >= 500 or status in LATER or code in CONFIRM_UNKNOWN | OUR_KEYS
    if not (resolved or code == TAKEN_BEFORE):
        assert toss_declines.DECLINES[code] in DECLINES


def test_a_stolen_card_is_not_told_to_whoever_holds_it() -> None:
    for code in ("lost_card", "stolen_card", "pickup_card", "fraudulent"):
        assert stripe_declines.reason_of("card_declined", code) == "declined"
    assert stripe_declines.reason_of("a_code_of_tomorrow", None) == "declined"


def test_a_reason_is_told_in_the_readers_language_and_the_banks_words_as_they_are() -> None:
    assert told("expired_card", "en") == "Check the expiry date."
    assert told("expired_card", "ko") == "유효기간을 확인해 주세요."
    assert told("한도 초과", "en") == "한도 초과"
    assert told(None, "ko") is None


def test_a_bank_is_known_by_its_clearing_code_at_each_gateway() -> None:
    assert set(portone_banks.NAMES) == set(BANKS)
    for given in ("88", "088", "SHINHAN"):
        assert portone_banks.named(given) == "SHINHAN"
    assert portone_banks.numbered("SHINHAN") == portone_banks.numbered("088") == "088"
    assert (toss_banks.coded("088"), toss_banks.coded("88")) == ("88", "88")
    assert (toss_banks.coded("004"), toss_banks.spoken("06")) == ("06", "국민은행")
    assert portone_banks.spoken("SHINHAN") == toss_banks.spoken("88") == "신한은행"
    assert (portone_banks.spoken("NEW_BANK"), toss_banks.spoken("99")) == ("NEW_BANK", "99")
    assert portone_banks.spoken(None) is None


def test_the_bounds_are_minor_units_of_iso() -> None:
    assert amounts("card", "USD") == (50, 99_999_999)
    assert amounts("card", "KRW") == (None, 99_999_999)
    assert amounts("card", "ISK") == (None, 999_999)
    assert amounts("card", "IDR")[1] == 999_999_999_999


def order(method: str | None, amount: int = 5000, language: str = "ko") -> Order:
    return Order(
        *("ord" + "0" * 32, "Starter Pack", amount, "KRW", language),
        method=method,
        name_ko="스타터 팩",
    )


async def test_a_checkout_answers_what_the_script_needs_for_the_way(
    sim: Simulated, v2: SimulatedV2, toss: SimulatedToss
) -> None:
    first, second, third = sim.gateway(), v2.gateway(), toss.gateway()
    told = (await second.prepare(order("kakaopay"))).browser
    assert told["payMethod"] == "EASY_PAY"
    assert told["easyPay"] == {"easyPayProvider": "KAKAOPAY"}
    assert (await first.prepare(order("virtual_account"))).browser["pay_method"] == "vbank"
    toss_told = (await third.prepare(order("naverpay"))).browser
    assert toss_told["method"] == "CARD"
    assert toss_told["card"] == {"flowMode": "DIRECT", "easyPay": "NAVERPAY"}
    for gateway in (first, second, third):
        plain = (await gateway.prepare(order(None))).browser
        assert not {"pay_method", "payMethod", "easyPay", "method", "card"} & set(plain)
        # A way of another gateway's is none here: the window shows what it has.
        assert set((await gateway.prepare(order("applepay"))).browser) == set(plain)


async def test_the_window_names_the_product_in_the_buyers_language(
    sim: Simulated, v2: SimulatedV2, toss: SimulatedToss
) -> None:
    for gateway in (sim.gateway(), v2.gateway(), toss.gateway()):
        korean = (await gateway.prepare(order("card"))).browser
        english = (await gateway.prepare(order("card", language="en"))).browser
        assert (korean["orderName"], english["orderName"]) == ("스타터 팩", "Starter Pack")


async def test_what_a_way_cannot_take_opens_no_window(toss: SimulatedToss) -> None:
    gateway = toss.gateway()
    await gateway.prepare(order("mobile", 1_000_000))
    await gateway.prepare(order("card", 100))
    for method, amount in (("mobile", 1_000_001), ("virtual_account", 199), ("card", 99)):
        with pytest.raises(AmountNotChargeable):
            await gateway.prepare(order(method, amount))


def test_a_widget_is_not_told_a_way() -> None:
    settings = load_settings(
        **{**GIVEN, "_env_file": None},
        toss_client_key="test_gck_sandbox",
        toss_secret_key="test_gsk_sandbox",
    )
    assert settings.of(TossSettings).takes == ("card",)


def test_a_way_with_a_channel_of_its_own_is_sent_there() -> None:
    entries = ["kakaopay=channel-key-k", "card=channel=key"]
    assert channels(entries) == {"kakaopay": "channel-key-k", "card": "channel=key"}


@pytest.mark.parametrize("method", PORTONE_TAKES)
async def test_what_was_paid_with_has_the_same_name_at_each_gateway(
    sim: Simulated, v2: SimulatedV2, toss: SimulatedToss, method: str
) -> None:
    one, two = sim.gateway(), v2.gateway()
    await one.prepare(order(method))
    key = await sim.pay(order(method).order_id, method=method)
    assert (await one.read(None, key)).method == method
    if method != "virtual_account":
        await two.prepare(order(method))
        await v2.pay(order(method).order_id, method=method)
        assert (await two.read(order(method).order_id, None)).method == method
        paid = await toss.pay(order(method).order_id, 5000, method=method)
        assert (await toss.gateway().confirm(order(method), paid)).method == method


async def test_a_deposit_goes_back_with_the_phone_number_that_is_asked_for() -> None:
    account = RefundAccount("088", "110123456789", "김토큰", "01012345678")
    refund = Refund("o", "imp_1", 5000, 5000, "KRW", "why", "1", "k", account)
    assert v1_cancel(refund)["refund_bank"] == "088"
    assert v1_cancel(refund)["refund_tel"] == "01012345678"
    assert v2_cancel(refund, "store")["refundAccount"] == {
        "bank": "SHINHAN",
        "number": "110123456789",
        "holderName": "김토큰",
        "holderPhoneNumber": "01012345678",
    }
    assert toss_cancel(refund)["refundReceiveAccount"]["bank"] == "88"
    silent = replace(refund, account=RefundAccount("088", "110123456789", "김토큰"))
    assert "refund_tel" not in v1_cancel(silent)
    assert "holderPhoneNumber" not in v2_cancel(silent, "store")["refundAccount"]
