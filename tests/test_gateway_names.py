"""Everything that Coinslot knows of a gateway stands in its folder: no other file names one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from devstack.settings import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEARCHED = ("sidecar/coinslot", "sidecar/web", "supabase/migrations")
FOLDERS = ("sidecar/coinslot/gateways", "sidecar/web/gateways")
GENERATED = {"sidecar/web/database.types.ts"}
REGISTRIES = {
    "sidecar/coinslot/settings/registry.py",
    "sidecar/coinslot/gateways/registry.py",
    "sidecar/coinslot/routes/registry.py",
    "sidecar/web/gateways/index.js",
    "sidecar/web/gateways/names.js",
    "sidecar/web/gateways/index.d.ts",
    "sidecar/web/gateways/storing.js",
}
ROWS = re.compile(
    r"^\('portone', 'PortOne', '\{KRW\}'\), \('toss', 'Toss Payments', '\{KRW\}'\), "
    r"\('stripe', 'Stripe', null\);$"
)
"""In `coinslot.gateways`."""
METHOD = re.compile(r'^"(?:method|hint)\.tosspay":')
"""A way to pay, which people know by that name, and other gateways take as well."""
NAME = re.compile(r"(?<![a-z])(stripe|toss(?!pay\b)|portone|iamport)", re.IGNORECASE)
TEXTS = {".py", ".js", ".ts", ".css", ".html", ".json", ".svg", ".sql"}


def files() -> Iterator[Path]:
    for folder in SEARCHED:
        yield from (file for file in (ROOT / folder).rglob("*") if file.suffix in TEXTS)


def path(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def is_in_a_gateways_folder(file: Path) -> bool:
    return any(
        path(file).startswith(f"{folder}/{name}/")
        for folder in FOLDERS
        for name in gateways(folder)
    )


def gateways(folder: str) -> list[str]:
    return [each.name for each in (ROOT / folder).iterdir() if NAME.fullmatch(each.name)]


def naming(text: str) -> list[str]:
    """The lines that name a gateway, but for the rows of the reference table."""
    return [
        line
        for line in text.splitlines()
        if NAME.search(line) and not ROWS.match(line.strip()) and not METHOD.match(line.strip())
    ]


def test_no_file_names_a_gateway_but_its_own_and_the_registries() -> None:
    found = {
        path(file): lines
        for file in files()
        if not is_in_a_gateways_folder(file) and path(file) not in REGISTRIES | GENERATED
        if (lines := naming(file.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_every_registry_that_may_name_them_does() -> None:
    for registry in REGISTRIES:
        named = {name.lower() for name in NAME.findall((ROOT / registry).read_text())}
        assert named >= set(gateways(FOLDERS[0])), registry


@pytest.mark.parametrize(
    "line",
    ["# as Toss has it", "toss_client_key: str", "PortOneV2", "https://js.stripe.com", "'toss'"],
)
def test_a_name_is_found_wherever_it_stands(line: str) -> None:
    assert naming(line) == [line]


def test_a_word_that_holds_one_is_no_name() -> None:
    assert naming("the coin is embossed; pinstripes") == []


PYTHON = {"adapter", "browser", "listing", "parts", "payment", "refund", "routes", "settings"}
VERSION = {"adapter", "listing", "payment", "refund", "webhook"}


@pytest.mark.parametrize(
    ("folder", "wanted"),
    [
        ("stripe", PYTHON | VERSION),
        ("toss", PYTHON | VERSION),
        ("portone", PYTHON - {"payment"}),
        ("portone/v1", VERSION),
        ("portone/v2", VERSION),
    ],
)
def test_the_folders_have_the_same_files(folder: str, wanted: set[str]) -> None:
    found = {file.stem for file in (ROOT / FOLDERS[0] / folder).glob("*.py")}
    assert wanted <= found
