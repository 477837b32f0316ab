"""The words of the components: both languages say everything, and every outcome is told."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from devstack.settings import ROOT

WEB = ROOT / "sidecar" / "web"
TEXTS: dict[str, dict[str, str]] = {
    language: json.loads((WEB / "i18n" / f"{language}.json").read_text())
    for language in ("en", "ko")
}
SCRIPTS = [*WEB.glob("*.js"), *WEB.glob("elements/*.js"), *WEB.glob("gateways/**/*.js")]
KINDS = re.findall(
    r"'(\w+)'", (WEB / "coinslot.d.ts").read_text().split("OutcomeKind =")[1].split("export")[0]
)


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_both_languages_have_the_same_texts() -> None:
    assert list(TEXTS["en"]) == list(TEXTS["ko"])


@pytest.mark.parametrize("name", TEXTS["en"])
def test_both_languages_tell_the_same_figures(name: str) -> None:
    assert placeholders(TEXTS["en"][name]) == placeholders(TEXTS["ko"][name])


@pytest.mark.parametrize("kind", KINDS)
def test_every_outcome_is_told(kind: str) -> None:
    for texts in TEXTS.values():
        assert texts[f"{kind}.title"]
        assert texts[f"{kind}.text"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_text_that_is_asked_for_exists(script: Path) -> None:
    asked = set(re.findall(r"\bt\('([\w.]+)'", script.read_text()))
    assert asked <= set(TEXTS["en"])


NOT_PAID = ("open", "closed", "declined", "canceled", "expired", "gone", "price_changed")
NOT_BEGUN = ("not_started", "script_failed", "too_many", "gateway_off")


@pytest.mark.parametrize("kind", [*NOT_PAID, *NOT_BEGUN])
def test_whoever_paid_nothing_is_told_so(kind: str) -> None:
    assert "o money was taken" in TEXTS["en"][f"{kind}.text"]
    assert "결제된 금액은 없습니다" in TEXTS["ko"][f"{kind}.text"]


@pytest.mark.parametrize("kind", ["checking", "unknown", "review"])
def test_whoever_may_have_paid_is_told_not_to_pay_again(kind: str) -> None:
    assert "do not pay again" in TEXTS["en"][f"{kind}.text"]
    assert re.search("다시 결제하지 [말마]", TEXTS["ko"][f"{kind}.text"])


def test_nothing_is_ever_written_as_markup() -> None:
    for script in SCRIPTS:
        text = script.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)
        assert not re.search(r"'style'|\.style\b|\beval\(|new Function", text)
