"""The words of components and pages: both languages say everything, and no word is wrong."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from devstack.settings import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WEB = ROOT / "sidecar" / "web"
LANGUAGES = ("en", "ko")


def words(folder: str) -> dict[str, dict[str, str]]:
    return {each: json.loads((WEB / folder / f"{each}.json").read_text()) for each in LANGUAGES}


FIRST = words("i18n")
LATER = words("i18n/later")
TEXTS = {each: {**FIRST[each], **LATER[each]} for each in LANGUAGES}
PAGES = words("i18n/pages")
INVITATION = words("i18n/invitation")
PLANS = words("i18n/plans")
CASH = words("i18n/cash")
DOCUMENT = words("i18n/document")
PARTS = (FIRST, LATER, PAGES, INVITATION, PLANS, CASH, DOCUMENT)
ALL = {
    each: {name: text for part in PARTS for name, text in part[each].items()} for each in LANGUAGES
}
SCRIPTS = [
    *WEB.glob("*.js"),
    *(WEB / "elements").glob("*.js"),
    *(WEB / "gateways").rglob("*.js"),
    *(WEB / "pages").rglob("*.js"),
]
CODE = "\n".join(script.read_text() for script in SCRIPTS)
MARKUP = "\n".join(page.read_text() for page in (WEB / "pages").glob("*.html"))
ROUTES = ROOT / "sidecar/coinslot/routes"
SIDECAR = "\n".join(
    file.read_text() for file in (*ROUTES.glob("page_*.py"), *ROUTES.glob("templates/*"))
)
KINDS = re.findall(
    r"'(\w+)'", (WEB / "coinslot.d.ts").read_text().split("OutcomeKind =")[1].split("export")[0]
)
# By the kinds of things that the database, the shop and the gateways have.
FAMILIES = (
    "buyer.",
    "kind.",
    "feature.",
    "status.",
    "method.",
    "hint.",
    "currency.",
    "history.",
    "business.",
    "document.",
    "code.",
    "invite.",
    "cash.",
    "plan.event_",
    "plan.status_",
    "topup.refused_",
    "topup.status_",
    "topup.why_",
)


# Their words come with them: see later.js.
OF_THE_LATER_FILE = {
    *("activity.js", "code-terms.js", "documents.js", "rows.js"),
    "states.js",  # of a page, which has both
}
# They have words that the others do not have.
OF_A_PART = {
    "cash-receipt.js",
    "invitation.js",
    "plans.js",
    "subscription.js",
    "subscribed.js",
    "top-up.js",
    "top-up-parts.js",
    *(f"plan-{each}.js" for each in ("acts", "dialogs", "history", "parts", "words")),
}


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def without_plurals(texts: dict[str, dict[str, str]]) -> list[str]:
    """The names of the English texts, but for those of one thing, which Korean does not need."""
    return [
        name
        for name in texts["en"]
        if name in texts["ko"] or name.removesuffix("_one") not in texts["ko"]
    ]


@pytest.mark.parametrize(
    "texts", PARTS, ids=["components", "later", "pages", "invitation", "plans", "cash", "document"]
)
def test_both_languages_have_the_same_texts(texts: dict[str, dict[str, str]]) -> None:
    assert without_plurals(texts) == list(texts["ko"])


def test_no_name_means_two_texts() -> None:
    assert len(ALL["en"]) == sum(len(part["en"]) for part in PARTS)


@pytest.mark.parametrize("name", ALL["en"])
def test_both_languages_tell_the_same_figures(name: str) -> None:
    korean = ALL["ko"].get(name) or ALL["ko"][name.removesuffix("_one")]
    assert placeholders(ALL["en"][name]) == placeholders(korean)


@pytest.mark.parametrize("kind", KINDS)
def test_every_outcome_is_told(kind: str) -> None:
    for texts in TEXTS.values():
        assert texts[f"{kind}.title"]
        assert texts[f"{kind}.text"]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_text_that_is_asked_for_exists(script: Path) -> None:
    code = script.read_text()
    own = {**INVITATION["en"], **PLANS["en"], **CASH["en"]} if script.name in OF_A_PART else {}
    late = LATER["en"] if script.name in OF_THE_LATER_FILE else {}
    assert set(re.findall(r"\bt\('([\w.]+)'", code)) <= {*FIRST["en"], *own, *late}
    assert set(re.findall(r"\bsay\('([\w.]+)'", code)) <= set(PAGES["en"])


def test_every_text_is_asked_for() -> None:
    """By its name, or as one of a family."""
    kinds = {f"{kind}." for kind in (*KINDS, "load_failed")}
    named = set(re.findall(r"[\w.]+", CODE + MARKUP + SIDECAR))
    # What becomes of a plan, and what can be done with one, are names in its scripts.
    named |= {f"plan.{each}" for each in re.findall(r"'(\w+)'", CODE)}
    unused = [
        name
        for name in ALL["en"]
        if name.removesuffix("_one").removesuffix("_year") not in named
        and not name.startswith((*FAMILIES, *kinds))
    ]
    assert unused == []


def plan_outcomes() -> set[str]:
    """The ends of subscribing, as the scripts have them."""
    code = "\n".join((WEB / f"{each}.js").read_text() for each in ("storing", "subscribing"))
    answers = (WEB / "subscriptions.js").read_text().split("const BY_MESSAGE = {")[1].split("}")[0]
    named = re.findall(r"what: (?:[\w. ]+ \? )?'(\w+)'(?: : '(\w+)')?", code)
    return {*re.findall(r": '(\w+)'", answers), *(each for pair in named for each in pair if each)}


def test_every_end_of_subscribing_is_told() -> None:
    ends = plan_outcomes()
    assert {"declined", "not_stored", "unknown", "have", "too_soon"} <= ends
    told = {"subscribed", "upgraded"}  # by a page of their own
    assert {each for each in ends - told if f"plan.{each}" not in PLANS["en"]} == set()


BANNED = {
    "en": r"by itself|went through|came and went|give back|gave back|given back|played|!|'|e-mail"
    r"|cancelled|gateway|sidecar",
    "ko": r"저절로|되돌림|처리되었|결제사|게이트웨이|회수|본 상품"
    r"|시기 바랍니다|습니다|십시오|!",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_has_words_that_nobody_says(language: str) -> None:
    found = {
        name: text
        for name, text in ALL[language].items()
        if re.search(BANNED[language], re.sub(r"\{\w+\}", "", text), re.IGNORECASE)
    }
    assert found == {}


PARTICLE = re.compile(r"\{(?:amount|name|method)\}(?:을|를|이|가|은|는|으로|로|와|과)(?:\s|,|$)")


def test_no_particle_follows_what_may_end_in_anything() -> None:
    assert [name for name, text in ALL["ko"].items() if PARTICLE.search(text)] == []


BUTTONS = (
    *("again", "check", "continue", "cancel_order", "pay_other", "buy_again", "close"),
    *("done", "back", "to_store", "support", "copied", "not_copied"),
    *("copy_account", "store.change", "store.all_packs", "form.cancel", "history.more"),
)
LONGEST = {"en": (26, 44), "ko": (22, 28)}
"""Characters of a button and of a headline."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_stands_on_a_button_or_above_a_text_is_short(language: str) -> None:
    button, title = LONGEST[language]
    texts = {name: re.sub(r"\{\w+\}", "", text) for name, text in TEXTS[language].items()}
    assert {each: texts[each] for each in BUTTONS if len(texts[each]) > button} == {}
    titles = {name: text for name, text in texts.items() if ".title" in name}
    assert {name: text for name, text in titles.items() if len(text) > title} == {}
    ended = [name for name, text in texts.items() if (".title" in name or name in BUTTONS)]
    assert [name for name in ended if texts[name].endswith(".")] == []


# ---- money ----

CHARGED = {"en": "You weren’t charged", "ko": "돈은 빠져나가지 않았어요"}
NOT_YET = {"en": "You haven’t been charged", "ko": "아직 결제하지 않았어요"}
UNTAKEN = set(re.findall(r"'(\w+)'", CODE.split("export const UNTAKEN = [")[1].split("]")[0]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_only_where_it_is_certain_is_it_said_that_nothing_was_charged(language: str) -> None:
    saying = {
        name.partition(".")[0]
        for name, text in TEXTS[language].items()
        if CHARGED[language] in text or NOT_YET[language] in text
    }
    assert saying - {"open"} <= UNTAKEN


@pytest.mark.parametrize("kind", sorted(UNTAKEN))
def test_whoever_paid_nothing_is_told_so(kind: str) -> None:
    for language in LANGUAGES:
        text = TEXTS[language][f"{kind}.text"]
        assert CHARGED[language] in text or NOT_YET[language] in text


@pytest.mark.parametrize("end", ["unknown", "review", "waiting"])
def test_whoever_may_have_paid_for_a_plan_is_not_told_otherwise(end: str) -> None:
    for language in LANGUAGES:
        text = PLANS[language][f"plan.{end}"]
        assert CHARGED[language] not in text
    assert "don’t pay again" in PLANS["en"][f"plan.{end}"]
    assert "다시 결제하지 마" in PLANS["ko"][f"plan.{end}"]


@pytest.mark.parametrize("end", ["closed", "not_stored", "not_started", "declined", "gone", "off"])
def test_whoever_got_no_plan_is_told_that_nothing_was_charged(end: str) -> None:
    assert re.search("weren’t charged", PLANS["en"][f"plan.{end}"])
    assert CHARGED["ko"] in PLANS["ko"][f"plan.{end}"]


def test_a_plan_is_not_left_behind_more_questions_than_it_was_had() -> None:
    """Both buttons of a question are of one kind, and the one that ends a plan is never hidden."""
    dialogs = (WEB / "elements/plan-dialogs.js").read_text()
    shown = dialogs.split("export function confirming")[1].split("export function")[0]
    assert re.findall(r'<button type="button" class="(\w+)" name="(\w+)"', shown) == [
        ("plain", "no"),
        ("plain", "yes"),
    ]


@pytest.mark.parametrize("kind", ["checking", "unknown", "review"])
def test_whoever_may_have_paid_is_told_not_to_pay_again(kind: str) -> None:
    assert "don’t pay again" in TEXTS["en"][f"{kind}.text"]
    assert re.search("다시 결제하지 [말마]", TEXTS["ko"][f"{kind}.text"])


# ---- the pages' policy ----


def test_nothing_is_ever_written_as_markup() -> None:
    for script in SCRIPTS:
        text = script.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)
        assert not re.search(r"unsafeHTML|unsafeSVG|\beval\(|new Function", text)
        # Blocked without 'unsafe-inline', and without a word.
        assert not re.search(r"\sstyle=|'style'|\.style\b", text)
