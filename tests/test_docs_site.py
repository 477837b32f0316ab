"""The site of the docs is built, and what would be wrong with it is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import docs_site

if TYPE_CHECKING:
    from pathlib import Path


def test_site_is_built_and_loads_nothing_from_elsewhere() -> None:
    docs_site.build()
    assert docs_site.problems(docs_site.SITE) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="gone.html">', "gone.html is not there"),
        ('<a href="../LICENSE">', "../LICENSE is not there"),
        ('<a href="other.html#gone">', "other.html#gone is not in that page"),
        ('<a href="#gone">', "#gone is not in that page"),
        ('<img src="gone.png">', "gone.png is not there"),
        ('<script src="https://cdn.example.com/x.js">', "loads https://cdn.example.com/x.js"),
        ('<link rel="stylesheet" href="//fonts.example.com/x">', "loads //fonts.example.com/x"),
        ('<pre class="mermaid">', "loads https://mermaid"),
    ],
)
def test_what_is_wrong_in_a_built_page_is_found(tmp_path: Path, body: str, problem: str) -> None:
    (tmp_path / "LICENSE").touch()
    site = tmp_path / "site"
    site.mkdir()
    (site / "other.html").write_text('<h1 id="here"></h1><a href="other.html#here">')
    assert docs_site.problems(site) == []
    (site / "page.html").write_text(body)
    (found,) = docs_site.problems(site)
    assert problem in found


def test_fonts_of_a_style_sheet_are_found(tmp_path: Path) -> None:
    (tmp_path / "index.html").touch()
    (tmp_path / "x.css").write_text("@font-face{src:url(https://fonts.example.com/x.woff2)}")
    (found,) = docs_site.problems(tmp_path)
    assert "fonts.example.com" in found
