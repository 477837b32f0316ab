"""The pages of the documentation, taken apart: blocks of code, commands, links, headings."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
READMES = (ROOT / "README.md", ROOT / "README.ko.md")
BESIDE = tuple(ROOT / f"{name}.md" for name in ("CONTRIBUTING", "SECURITY", "CHANGELOG"))
PAGES = (*READMES, *BESIDE, *sorted(DOCS.rglob("*.md")))

_FENCE = re.compile(r"^( *)```([^\n]*)\n(.*?)^\1```[ ]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    page: Path
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.code.splitlines()[0][:60]}"


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> list[Block]:
    """Every fenced block, in lists as well."""
    return [
        Block(page, language.strip(), textwrap.dedent(code).strip())
        for _, language, code in _FENCE.findall(text(page))
    ]


ALL_BLOCKS = [block for page in PAGES for block in blocks(page)]


def prose(page: Path) -> str:
    return _FENCE.sub("", text(page))


def spans(source: str) -> list[str]:
    """The spans of code in a text."""
    return _CODE.findall(source)


def links(page: Path) -> list[str]:
    """The targets of links and images that stay on this site. Links within code do not count."""
    found = _LINK.findall(_CODE.sub("", prose(page)))
    return [address for address in found if not re.match(r"[a-z]+:", address)]


def anchors(page: Path) -> set[str]:
    """Of the headings, as GitHub and the site make them."""
    headings = _HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def section(page: str, heading: str) -> str:
    """The text below a heading of a page, up to the next heading of its level or a higher one."""
    found = re.search(
        rf"^(#+) {re.escape(heading)}\n(.*?)(?=^#{{1,2}} |\Z)", text(DOCS / page), re.M | re.S
    )
    assert found, f"{page} has no heading {heading}"
    return found[2]


def cells(source: str, column: int = 0) -> list[str]:
    """One column of the tables in `source`, without the headings."""
    lines = source.splitlines()
    rows = [
        line.strip().strip("|").split("|")
        for line, below in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith("|") and not line.startswith("| ---") and not below.startswith("| ---")
    ]
    return [row[column].strip() for row in rows]


def named(source: str, pattern: str = r"\w+") -> set[str]:
    """The spans of code in a text that have this form as a whole."""
    return {each for each in spans(source) if re.fullmatch(pattern, each)}


def first_column(page: str, pattern: str = r"\w+") -> set[str]:
    return named("\n".join(cells(text(DOCS / page))), pattern)
