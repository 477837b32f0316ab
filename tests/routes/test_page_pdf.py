"""A receipt as PDF: of the same page, in fonts of its own; and a clear word where none is made."""

from __future__ import annotations

import base64
import re
import sys
import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from coinslot.errors import PdfMissing
from coinslot.routes import page_pdf
from coinslot.routes.page_document import rendered
from coinslot.routes.page_pdf import as_pdf
from coinslot.server.error_answers import status_of
from tests.routes.test_page_document import document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
"""A PNG of one point."""
SELLER = {"name": "코인슬롯 주식회사 뷁", "address": "서울특별시 중구"}


def objects(written: bytes) -> bytes:
    """Those of its streams that are objects as well, which are packed."""
    found = [written]
    for packed in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", written, re.S):
        with suppress(zlib.error):
            found.append(zlib.decompress(packed))
    return b"\n".join(found)


def fonts(written: bytes) -> set[str]:
    names = re.findall(rb"/BaseFont\s*/(?:\w+\+)?([\w-]+)", objects(written))
    return {name.decode() for name in names}


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("kind", ["receipt", "credit_note"])
async def test_it_is_written_in_its_own_fonts(language: str, kind: str) -> None:
    """Also of syllables that hardly any word has: no font of the system's is asked for."""
    page = rendered(document(kind=kind, seller=SELLER), language)
    written = await as_pdf(page)
    assert written.startswith(b"%PDF-")
    assert fonts(written)
    assert all(name.startswith("Pretendard") for name in fonts(written)), fonts(written)
    assert len(written) < 300_000, "of the fonts only what is used is in it"
    assert len(re.findall(rb"/Type\s*/Page\b", objects(written))) == 1


async def test_nothing_is_fetched_for_it(tmp_path: Path) -> None:
    """Not even where a page could be brought to name a file of the server's."""
    (tmp_path / "a.png").write_bytes(base64.b64decode(PICTURE))
    page = rendered(document(), "en").replace(
        "</main>", f'<img src="{tmp_path.as_uri()}/a.png"></main>'
    )
    written = await as_pdf(page)
    assert written.startswith(b"%PDF-")
    assert not re.search(rb"/Subtype\s*/Image", objects(written))


@pytest.fixture
def without_the_extra(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    page_pdf._maker.cache_clear()  # noqa: SLF001
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    yield
    page_pdf._maker.cache_clear()  # noqa: SLF001


@pytest.mark.usefixtures("without_the_extra")
async def test_without_the_extra_it_is_said_what_is_missing() -> None:
    with pytest.raises(PdfMissing, match=r"coinslot\[pdf\]"):
        await as_pdf(rendered(document(), "ko"))
    assert status_of(PdfMissing()) == 501
