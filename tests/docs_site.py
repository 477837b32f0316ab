"""`python -m tests.docs_site`: builds the site of the docs into `build/docs`, and checks it.

The generator finds links to pages and headings that are not there. What it leaves is found here, in
the pages as they were built: images, links that leave the site by a path, and anything that a page
would load from elsewhere.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).parent.parent
SITE = ROOT / "build/docs"

_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}
_LINKS_THAT_LOAD = {"stylesheet", "icon", "preload", "modulepreload", "preconnect", "manifest"}
_FROM_CSS = re.compile(r"(?:url\(|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)")


@dataclass
class Page(HTMLParser):
    """The addresses in a page: of what it links to, and of what it loads by itself."""

    linked: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.linked.append(given["href"])
        if tag == "link" and _LINKS_THAT_LOAD & set(given.get("rel", "").split()):
            self.loaded.append(given["href"])
        if tag in _LOADED and _LOADED[tag] in given:
            self.loaded.append(given[_LOADED[tag]])
        # The generator's script fetches what draws these from elsewhere.
        if "mermaid" in given.get("class", "").split():
            self.loaded.append("https://mermaid")


def build() -> None:
    """Raises `CalledProcessError` where the generator finds something."""
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    subprocess.run(command, cwd=ROOT, check=True)


def problems(site: Path) -> list[str]:
    """One line for each address that leads nowhere, or from which something would be loaded."""
    pages = {path: _page(path) for path in sorted(site.rglob("*.html"))}
    found = [f"{site}: there are no pages"] if not pages else []
    for path, page in pages.items():
        wrong = [_outside(address) for address in page.loaded]
        wrong += [_nowhere(address, path, site, pages) for address in page.loaded + page.linked]
        found += [f"{path.relative_to(site)}: {problem}" for problem in wrong if problem]
    for sheet in sorted(site.rglob("*.css")):
        for address in _FROM_CSS.findall(sheet.read_text(encoding="utf-8")):
            found.append(f"{sheet.relative_to(site)}: {_outside(address)}")
    return found


def _page(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _outside(address: str) -> str | None:
    return f"loads {address} from elsewhere" if urlsplit(address).netloc else None


def _nowhere(address: str, path: Path, site: Path, pages: dict[Path, Page]) -> str | None:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None
    # 404.html is answered at any address, so its own begin at the root.
    base = site if parts.path.startswith("/") else path.parent
    target = (base / unquote(parts.path).lstrip("/")).resolve() if parts.path else path
    target = target / "index.html" if target.is_dir() else target
    if not target.is_relative_to(site) or not target.is_file():
        return f"{address} is not there"
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return f"{address} is not in that page"
    return None


def main() -> int:
    try:
        build()
    except subprocess.CalledProcessError:
        return 1
    found = problems(SITE)
    sys.stderr.write("".join(f"{problem}\n" for problem in found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
