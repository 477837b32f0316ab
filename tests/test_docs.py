"""The documentation says what is so: links lead somewhere, and lists are those of the code."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coinslot.errors import CoinslotError, DatabaseError, PaymentDeclined
from coinslot.routes.openapi.operations import operations
from coinslot.server.error_answers import status_of
from devstack.settings import ROOT
from tests.support.documentation import (
    DOCS,
    PAGES,
    READMES,
    anchors,
    cells,
    first_column,
    links,
    named,
    section,
    spans,
    text,
)

if TYPE_CHECKING:
    from coinslot.gateways.answers import Answers

SOURCES = {
    path: path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "sidecar/coinslot").rglob("*.py"))
}
CODE = "\n".join(SOURCES.values())
# ---- pages ----


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for address in links(page):
        path, _, anchor = address.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), address
        assert not anchor or anchor in anchors(target), address
        # The site has nothing but these pages.
        assert page.parent != DOCS or target.is_relative_to(DOCS), address


def test_every_page_is_in_the_sites_menu() -> None:
    menu = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    entries = [entry for group in menu for entry in group.values()]
    listed = [page for entry in entries for page in ([entry] if isinstance(entry, str) else entry)]
    assert sorted(listed) == sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))


def test_readmes_are_short_and_lead_to_the_same_pages() -> None:
    english, korean = READMES
    for readme in READMES:
        assert len(text(readme).splitlines()) <= 150
    assert set(links(english)) - {"README.ko.md"} == set(links(korean)) - {"README.md"}


def test_readme_leads_to_every_page() -> None:
    linked = {(ROOT / address).resolve() for address in links(READMES[0])}
    assert set(DOCS.glob("*.md")) - {DOCS / "index.md"} <= linked


def test_page_leads_to_every_page_of_its_folder() -> None:
    for page in DOCS.glob("*/*.md"):
        above = page.parent.with_suffix(".md")
        assert page in {(DOCS / address.partition("#")[0]).resolve() for address in links(above)}


def test_threats_name_tests_that_exist() -> None:
    named_tests = spans("\n".join(cells(text(DOCS / "security/threats.md"), 2)))
    assert len(named_tests) > 30
    for each in named_tests:
        file, _, name = each.partition("::")
        assert re.search(rf"^(async )?def {name}\(", text(ROOT / file), re.MULTILINE), each


def test_checklist_has_an_answer_with_a_link_to_each_item() -> None:
    """The thirteen that people are told to tick off before they go live."""
    answers = cells(text(DOCS / "deploy/checklist.md"), 1)
    assert len(answers) == 13
    assert [each for each in answers if "](" not in each] == []


def test_contributing_names_files_that_exist() -> None:
    """Of the gateway that it tells how to add, Toss has the like."""
    paths = named(text(DOCS / "contributing.md"), r"\.?\w[\w.-]*/[\w./-]*") - {
        *("build/docs", "supabase/released.sha256")  # made by a build, and by the first release
    }
    assert len(paths) > 30
    for path in paths:
        assert (ROOT / path.replace("acme", "toss")).exists(), path


# ---- the sidecar ----


def test_routes_page_has_every_route_and_no_other() -> None:
    table = "\n".join(cells(text(DOCS / "routes.md")))
    shown = {span.rstrip("…") for span in named(table, r"(?:GET|POST) /\S*")}
    documented = {f"{each.method.upper()} {each.path}" for each in operations()}
    served = re.findall(
        r'@(?:pages|document_pages|mail_pages|web_files)\.(get|post)\("(/[^"<]+)[<"]', CODE
    )
    pages = {f"{method.upper()} {path}" for method, path in served}
    assert documented <= shown <= documented | pages


def test_errors_page_has_every_code_of_the_sidecar_and_no_other() -> None:
    answered = "\n".join(line for line in CODE.splitlines() if "log." not in line)
    codes = set(re.findall(r'\bcode ?= ?"(\w+)"', answered))
    answers = next(source for path, source in SOURCES.items() if path.stem == "error_answers")
    codes |= set(re.findall(r'(?:\d{3}: \(|"code": )"(\w+)"', answers))
    assert {"amount_mismatch", "gateway_timeout", "internal", "not_found"} <= codes
    # `already_paid` is one of the words for an order's status, beside the others (payment_…).
    assert {code for _, code in shown_codes()} == codes | {"already_paid"}
    assert '"already_paid"' in CODE


def test_errors_page_has_the_status_of_every_exception() -> None:
    kinds, found = [CoinslotError], set()
    for kind in kinds:
        kinds += kind.__subclasses__()
        if not issubclass(kind, DatabaseError | PaymentDeclined):
            found.add((str(status_of(kind.__new__(kind))), kind.code))
    assert len(found) > 20
    assert found <= shown_codes()


GATEWAYS = ROOT / "sidecar/coinslot/gateways"
ANSWERS = [path for path in sorted(GATEWAYS.rglob("answers.py")) if path.parent != GATEWAYS]


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.parent.name)
def test_gateways_page_says_what_each_answer_means(path: Path) -> None:
    """Each list is made of the words that the adapter itself goes by."""
    name = ".".join(path.relative_to(ROOT / "sidecar").with_suffix("").parts)
    answers: Answers = import_module(name).ANSWERS
    rows = "".join(f"| {each.call} | {each.says} | {each.means} |\n" for each in answers.rows)
    head = f"### {answers.title}\n\n| asked to | answer | means |\n| --- | --- | --- |\n"
    assert f"{head}{rows}\n" in text(DOCS / "gateways.md")


def shown_codes() -> set[tuple[str, str]]:
    table = section("errors.md", "From the sidecar")
    rows = zip(cells(table, 0), cells(table, 1), strict=True)
    return {(status, code) for status, each in rows for code in named(each)}


def test_troubleshooting_names_codes_that_exist() -> None:
    page = text(DOCS / "troubleshooting.md")
    known = named("\n".join(cells(text(DOCS / "errors.md"), 1)))
    known |= named("\n".join(cells(section("errors.md", "From the database"), 2)))
    known |= {"payment_expired", "PGRST202"}
    used = set(re.findall(r"\b[45]\d\d `([a-z_]+)`", page))
    assert len(used) > 10
    assert used <= known


def test_troubleshooting_has_every_reason_not_to_be_ready() -> None:
    readiness = "".join(
        source
        for path, source in SOURCES.items()
        if path.match("server/readiness.py") or path.match("server/installation.py")
    )
    found = "".join(
        source
        for path, source in SOURCES.items()
        if path.match("diagnosis/keys.py") or path.match("diagnosis/release_fit.py")
    )
    parts = set(re.findall(r'fault\(\s*"(\w+)"', found)) | {"clock"}
    reasons = set(re.findall(r'\[?f?"(\w+): ', readiness)) | parts | {"stopping"}
    assert len(reasons) == 9
    rows = " ".join(cells(section("troubleshooting.md", "/ready answers 503")))
    assert {each.partition(":")[0] for each in spans(rows)} == reasons


def test_troubleshooting_quotes_what_settings_say() -> None:
    """Each quotation, or what of it stands between `…`, values and names, is in the code."""
    said = "\n".join(source for path, source in SOURCES.items() if "settings" in str(path))
    said = re.sub(r"\{[^}]*\}", "", said)
    rows = cells(section("troubleshooting.md", "The sidecar does not start"))
    assert len(rows) > 10
    for quotation in spans("\n".join(rows)):
        for part in re.split(r"…|Toss's keys|\b[A-Z][A-Z_]{6,}\b|\b(?:test|live)\b", quotation):
            words = part.strip(" ',")
            assert words in said or not words or re.sub(r"\s+", " ", words) in said, quotation


def test_settings_page_has_every_setting_with_its_default() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    given = dict(re.findall(r"^(?:# )?([A-Z][A-Z_]+)=(.*)$", example, re.MULTILINE))
    rows = "\n".join(
        line for line in text(DOCS / "settings.md").splitlines() if re.match(r"\| `[A-Z]", line)
    )
    shown = named("\n".join(cells(rows)), r"[A-Z][A-Z_]+")
    assert shown == set(given) != set()
    for names, default in zip(cells(rows), cells(rows, 1), strict=True):
        value = re.fullmatch(r"`([^`]*)`", default)
        if value and len(spans(names)) == 1:
            assert given[spans(names)[0]] == value[1], names


def test_monitoring_page_has_every_metric_and_no_other() -> None:
    made = set(re.findall(r'"coinslot_(\w+)",?\n\s+"[A-Z]', CODE))
    for path, source in SOURCES.items():
        if path.stem.startswith("backlog"):
            made |= set(re.findall(r'"(\w+)"\)?,\s+"[A-Z]', source))
    assert {"payments", "database_up", "webhooks_overdue_seconds"} <= made
    shown = first_column("monitoring.md", r"coinslot_\w+")
    assert {re.sub("^coinslot_|_total$", "", name) for name in shown} == made


def test_components_page_has_every_element() -> None:
    declared = (ROOT / "sidecar/web/coinslot.d.ts").read_text(encoding="utf-8")
    names = set(re.findall(r"^    '(coinslot-\w+)': Coinslot", declared, re.MULTILINE))
    table = section("components.md", "On a page")
    assert named("\n".join(cells(table)), r"coinslot-\w+") == names != set()
