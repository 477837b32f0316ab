"""The ways to pay at each gateway: what its script is given, and what its API calls them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.gateways.banks import BANKS
from coinslot.gateways.declines import DECLINES, told
from coinslot.gateways.portone import banks as portone_banks
from coinslot.gateways.portone import declines as portone_declines
from coinslot.gateways.portone.settings import TAKES as PORTONE_TAKES
from coinslot.gateways.portone.v1 import methods as v1_methods
from coinslot.gateways.portone.v2 import methods as v2_methods
from coinslot.gateways.stripe import declines as stripe_declines
from coinslot.gateways.stripe.currencies import amounts
from coinslot.gateways.toss import banks as toss_banks
from coinslot.gateways.toss import declines as toss_declines
from coinslot.gateways.toss import methods as toss_methods
from coinslot.gateways.toss.refusals import CONFIRM_UNKNOWN, LATER, OUR_KEYS, TAKEN_BEFORE
from coinslot.gateways.toss.settings import TAKES as TOSS_TAKES
from coinslot.settings.methods import METHODS
from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

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
