"""`coinslot.d.ts` is written by hand: it promises what the modules do, no more and no less."""

from __future__ import annotations

import re

import pytest

from tests.web.test_texts import KINDS, SCRIPTS, WEB

FUNCTIONS = (WEB / "coinslot.d.ts").read_text(encoding="utf-8")
DECLARED = "".join(
    (WEB / f"{each}.d.ts").read_text(encoding="utf-8")
    for each in ("coinslot", "cash-receipts", "invitation", "plans")
)
OWN = [script for script in SCRIPTS if "pages" not in script.parts]
CODE = {script.name: script.read_text(encoding="utf-8") for script in OWN}
ALL_CODE = "\n".join(script.read_text(encoding="utf-8") for script in OWN)
# Named for the elements' own use: what the base class calls, and what the browser does.
LIFE = {"connectedCallback", "disconnectedCallback", "firstUpdated", "willUpdate", "updated"}
LIFE |= {"start", "render"}
ELEMENTS = (
    *("balance", "cash-receipt", "history", "invitation", "paywall", "plans", "result", "store"),
    "subscription",
)


def body(kind: str, name: str) -> str:
    found = re.search(rf"{kind} {name}\b[^{{]*{{(}}|.*?^}})", DECLARED, re.M | re.S)
    assert found, name
    return found[1]


def members(text: str) -> set[str]:
    """Of the first level, which is indented by two spaces."""
    return set(re.findall(r"^  '?([\w-]+)'?\??[:(<]", text, re.M))


def test_the_functions_are_those_that_the_module_exports() -> None:
    code = CODE["coinslot.js"]
    named = re.findall(r"export (?:async )?(?:function|const) (\w+)", code)
    passed_on = re.findall(r"export \{ (\w+) \}", code)
    assert set(re.findall(r"^export function (\w+)", FUNCTIONS, re.M)) == {*named, *passed_on}


def test_the_options_are_those_that_are_read() -> None:
    kept = re.search(r"export const config = \{(.*?)^\}", CODE["client.js"], re.M | re.S)
    assert kept
    assert members(body("interface", "Options")) == members(kept[1]) | {"locale"}


def test_the_events_are_those_that_are_told() -> None:
    told = set(re.findall(r"\.tell\('(coinslot-[\w-]+)'", ALL_CODE))
    assert members(body("interface", "CoinslotEvents")) == told


def test_the_outcomes_are_those_that_there_can_be() -> None:
    settled = "".join(re.findall(r"const BY_\w+ = \{.*?^\}", CODE["settle.js"], re.M | re.S))
    found = set(re.findall(r": '(\w+)'", settled)) | set(
        re.findall(r"kind(?:: |: \w+ \? | = )'(\w+)'", ALL_CODE)
    )
    # `other` is asked about before it is told; `load_failed` is the store's, and of no order.
    assert set(KINDS) == found - {"other", "load_failed"}


@pytest.mark.parametrize("element", ELEMENTS)
def test_an_element_has_the_methods_that_are_promised(element: str) -> None:
    source = (WEB / f"elements/{element}.js").read_text(encoding="utf-8")
    code = source.split("extends CoinslotElement {")[1].split("\n}\n")[0]
    public = set(re.findall(r"^  (?:async )?(\w+)\(.*\) \{$", code, re.M)) - LIFE
    assert members(body("interface", f"Coinslot{element.title().replace('-', '')}")) == public


@pytest.mark.parametrize("element", ELEMENTS)
def test_the_attributes_in_jsx_are_those_that_are_read(element: str) -> None:
    """`quiet` and `need` are what the paywall tells its store."""
    source = (WEB / f"elements/{element}.js").read_text(encoding="utf-8")
    read = set(re.findall(r"(\w+): \{", properties(source))) - {"quiet", "need"}
    react = (WEB / "react.d.ts").read_text(encoding="utf-8")
    props = react.partition(f"'coinslot-{element}': Props")[2].partition("\n      'coinslot-")[0]
    declared = set(re.findall(r"(\w+)\?: (?:string|number)", props))
    assert declared == read


def properties(source: str) -> str:
    found = re.search(r"static properties = \{(.*?\})?,? *\n? *\}\n", source, re.S)
    return found[0].partition("=")[2].lstrip(" {") if found else ""
