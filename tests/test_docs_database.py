"""The documentation of the database says what is so: its lists are those of the migrations."""

from __future__ import annotations

import re

from devstack.settings import ROOT
from tests.support.documentation import (
    DOCS,
    cells,
    named,
    section,
    spans,
    text,
)

MIGRATIONS = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "supabase/migrations").glob("*.sql"))
)

SETTINGS = (
    (ROOT / "supabase/schemas/01_foundation.sql")
    .read_text(encoding="utf-8")
    .partition("create table coinslot.settings (")[2]
    .partition("\n);")[0]
)


def signatures() -> dict[str, list[str]]:
    """Of each function in `public` that is an RPC: its parameters, with defaults as JSON has them.

    Without the computed field of profiles, which is read as a column.
    """
    pattern = r"^ *create function public\.(\w+)\((.*?)\) ?\n? *(?:returns|language|as)"
    found = {}
    for name, inside in re.findall(pattern, MIGRATIONS, re.MULTILINE | re.DOTALL):
        each = [part.strip() for part in inside.split(",") if not part.strip().startswith("out ")]
        found[name] = [_parameter(part) for part in each if part]
    return {name: found[name] for name in sorted(found) if name != "tokens"}


def _parameter(declared: str) -> str:
    name, _, rest = declared.partition(" ")
    _, given, default = rest.partition(" default ")
    return f"{name} = {'{}' if default == QUOTED_OBJECT else default}" if given else name


QUOTED_OBJECT = "'{}'"


def test_api_page_has_every_rpc_with_its_parameters_and_no_other() -> None:
    page = "\n".join(cells(text(DOCS / "api.md")))
    shown = {
        name: [each for each in inside.split(", ") if each]
        for name, inside in re.findall(r"`(\w+)\((.*?)\)`", page)
    }
    assert len(signatures()) > 30
    assert shown == signatures()


def test_api_page_names_what_can_be_read() -> None:
    created = set(re.findall(r"^ *create (?:table|view) public\.(\w+)", MIGRATIONS, re.MULTILINE))
    shown = named("\n".join(cells(section("api.md", "Tables to read"))))
    assert shown - {"tokens"} == created


def test_errors_page_has_every_error_of_the_database() -> None:
    errors = re.findall(r"^\('(\w+)', '(PT4\d\d)'", MIGRATIONS, re.MULTILINE)
    table = section("errors.md", "From the database")
    shown = {
        (message, code.strip("`"))
        for code, messages in zip(cells(table, 1), cells(table, 2), strict=True)
        for message in named(messages)
    }
    assert shown - {("retry_after", "PT429")} == set(errors) != set()


def test_operators_page_has_every_kind_of_discrepancy() -> None:
    listed = re.search(r"constraint discrepancies_kind_known check \((.*?)\n  \)", MIGRATIONS, re.S)
    assert listed
    table = section("operate.md", "What needs a person")
    assert named("\n".join(cells(table))) == set(re.findall(r"'(\w+)'", listed[1]))


def test_operators_page_has_every_outcome_of_a_webhook() -> None:
    """The outcomes of a read, without `stale`, and the further outcomes of a webhook."""
    made = r"^create function coinslot\.{}_outcomes\(\)[^;]*?array\[([^]]*)\]"
    applied, others = (
        re.search(made.format(name), MIGRATIONS, re.MULTILINE) for name in ("apply", "webhook")
    )
    assert applied
    assert others
    outcomes = set(re.findall(r"'(\w+)'", applied[1] + others[1]))
    assert named("\n".join(cells(section("operate.md", "Webhooks")))) == outcomes - {"stale"}


def test_operators_page_has_every_fault_of_an_installation() -> None:
    check, manifest, comparison = (
        (ROOT / "supabase/schemas" / name).read_text("utf-8")
        for name in ("35_installation.sql", "33_manifest.sql", "34_comparison.sql")
    )
    kinds = set(re.findall(r"^  select '(\w+)',", manifest, re.M))
    # A schema has nothing but rights that could change.
    faults = {f"{kind}_missing" for kind in kinds} | {
        f"{kind}_changed" for kind in kinds - {"schema"}
    }
    added = re.search(r"return kind in \((.*?)\) or name ~", comparison)
    assert added
    faults |= {f"{kind}_added" for kind in {"rows", *re.findall(r"\w+", added[1])}}
    faults |= set(
        re.findall(
            r"'([a-z]+(?:_[a-z]+)*_(?:missing|changed|added|off|rival|lost|disabled|out|unfinished))'",
            check + comparison,
        )
    )
    table = section("operate.md", "Is all well?")
    assert named("\n".join(cells(table))) == faults


def test_settings_page_has_every_setting_of_the_database() -> None:
    columns = re.findall(
        r"^  (?!constraint)(\w+) \w+(?: not null| default|,)", SETTINGS, re.MULTILINE
    )
    shown = named("\n".join(cells(section("settings.md", "In the database"))))
    assert shown == set(columns) - {"id", "identity_salt"} != set()


def test_times_that_things_are_kept_for_are_the_database_s() -> None:
    kept = dict(
        re.findall(
            r"^  (keep_\w+) interval (?:not null )?default interval '([^']+)'", SETTINGS, re.M
        )
    )
    shown = section("operate.md", "What is deleted")
    assert (
        {
            spans(name)[0]: spans(time)[0]
            for name, time in zip(cells(shown, 1), cells(shown, 2), strict=True)
        }
        == kept
        != {}
    )
    listed = section("settings.md", "In the database")
    times = {
        spans(name)[0]: spans(time)[0]
        for name, time in zip(cells(listed), cells(listed, 1), strict=True)
        if spans(name)[0] in kept
    }
    assert {name: times[name] for name in kept} == kept


def test_events_page_has_every_type() -> None:
    types = set(re.findall(r"^\('([a-z_]+\.[a-z_]+)', '[A-Z]", MIGRATIONS, re.MULTILINE))
    shown = named("\n".join(cells(section("events.md", "What there is"))), r"[\w.]+")
    assert shown == types != set()


def test_mail_page_has_every_kind() -> None:
    inserted = re.findall(r"insert into coinslot\.mail_kinds.*?;\n", MIGRATIONS, re.DOTALL)
    kinds = set(re.findall(r"^\(?\s*'([a-z_]+)', '[a-z_]+\.", "".join(inserted), re.MULTILINE))
    shown = named("\n".join(cells(section("mail.md", "Which mails there are"))))
    assert shown == kinds != set()
