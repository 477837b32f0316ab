"""The words of the console: both languages say everything, and every word is used."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from devstack.settings import ROOT
from tests.web.test_texts import placeholders, without_plurals, words

if TYPE_CHECKING:
    from pathlib import Path

WEB = ROOT / "sidecar" / "web"
TEXTS = words("i18n/console")
SCRIPTS = [*(WEB / "console").rglob("*.js")]
CODE = "\n".join(script.read_text() for script in SCRIPTS)
CODE += (WEB / "pages/console.html").read_text()
# By the kinds of things that the database has.
FAMILIES = (
    *("act.", "ch.", "cr.", "ck.", "consent.", "cy.", "dl.", "er.", "err.", "ev.", "every."),
    "exp.list.",
    *(
        "keys.",
        "lk.",
        "lost.",
        "mt.",
        "nav.",
        "out.off.",
        "over.",
        "period.",
        "rc.",
        "reason.",
        "rep.",
    ),
    *("review.field.", "role.", "rollover.", "rs.", "se.", "search.", "src.", "ss.", "st."),
    *("set.choice.", "set.unit.", "sub.needs.", "tax.", "unattended.", "wo."),
)
PARTS = ("", "about.", "business.", "group.", "link.")


def test_both_languages_have_the_same_texts() -> None:
    assert without_plurals(TEXTS) == list(TEXTS["ko"])


@pytest.mark.parametrize("name", TEXTS["en"])
def test_both_languages_tell_the_same_figures(name: str) -> None:
    korean = TEXTS["ko"].get(name) or TEXTS["ko"][name.removesuffix("_one")]
    assert placeholders(TEXTS["en"][name]) == placeholders(korean)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_text_that_is_asked_for_exists(script: Path) -> None:
    asked = set(re.findall(r"\bsay\('([\w.]+)'", script.read_text()))
    assert asked <= set(TEXTS["en"])


def test_every_text_is_asked_for() -> None:
    named = set(re.findall(r"[\w.]+", CODE))
    # Settings, and groups of them, are asked for by what they are called.
    named |= {f"set.{part}{name}" for name in named for part in PARTS}
    assert [
        name
        for name in TEXTS["en"]
        if not {name, name.removesuffix("_one")} & named and not name.startswith(FAMILIES)
    ] == []


@pytest.mark.parametrize(
    ("family", "source"),
    [
        ("st", "supabase/schemas/12_payments.sql"),
        ("ck", "supabase/schemas/12_payments.sql"),
        ("lk", "supabase/schemas/02_wallets.sql"),
        ("ss", "supabase/schemas/55_subscriptions.sql"),
        ("cy", "supabase/schemas/55_subscriptions.sql"),
        ("ch", "supabase/schemas/55_subscriptions.sql"),
    ],
)
def test_what_the_database_has_is_told(family: str, source: str) -> None:
    text = (ROOT / source).read_text()
    lists = {
        "st": r"payment_statuses \(status.*?values\n(.*?);",
        "ck": r"discrepancies_kind_known check \(\s*kind in \((.*?)\)",
        "lk": r"token_ledger_kind_known check \(\s*kind in \((.*?)\)",
        "ss": r"token_subscriptions_status_known\s*check \(\s*status in \((.*?)\)",
        "cy": r"subscription_cycles_status_known check \(\s*status in \((.*?)\)",
        "ch": r"cycle_charges_state_known check \(\s*state in \((.*?)\)",
    }
    found = re.search(lists[family], text, re.S)
    assert found
    pattern = r"^\('(\w+)'" if family == "st" else r"'(\w+)'"
    for kind in re.findall(pattern, found[1], re.M):
        assert f"{family}.{kind}" in TEXTS["en"], kind


def test_every_action_of_the_log_is_told_and_filtered_for() -> None:
    schemas = "\n".join(file.read_text() for file in (ROOT / "supabase/schemas").glob("*.sql"))
    actions = {
        each
        for call in re.findall(r"note_action\(\s*([^;]*?),", schemas)
        for each in re.findall(r"'([a-z]+(?:_[a-z]+)+)'", call.split(" else ")[0])
        + re.findall(r" else '([a-z_]+)' end", call)
        if not re.search(rf"= '{each}'", call) and not re.search(rf"when '{each}'", call)
    }
    actions |= set(re.findall(r"'(operator_(?:added|changed|removed)|price_begun)'", schemas))
    assert len(actions) > 25
    listed = set(re.findall(r"'(\w+)'", (WEB / "console/views/log.js").read_text()))
    assert {each for each in actions if f"act.{each}" not in TEXTS["en"]} == set()
    assert actions - listed == set()


def test_no_text_has_words_that_nobody_says() -> None:
    banned = {"en": r"!|'|e-mail|cancelled|sidecar", "ko": r"결제사|습니다|십시오|!|게이트웨이"}
    for language, texts in TEXTS.items():
        found = {name: text for name, text in texts.items() if re.search(banned[language], text)}
        assert found == {}


def test_the_files_are_as_they_are_written() -> None:
    for language, texts in TEXTS.items():
        file = WEB / f"i18n/console/{language}.json"
        assert file.read_text() == json.dumps(texts, ensure_ascii=False, indent=2) + "\n"
