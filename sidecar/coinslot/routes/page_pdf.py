"""A document as PDF, of the same page. `coinslot[pdf]` brings what makes it; it is loaded when
somebody wants one."""

from __future__ import annotations

import asyncio
import importlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import structlog

from coinslot.errors import PdfMissing

log = structlog.get_logger(__name__)

_TEMPLATES = Path(__file__).parent / "templates"
_STYLE = _TEMPLATES / "document_pdf.css"
# One at a time: a page takes the whole of a processor, and others are to be answered meanwhile.
_TURN = asyncio.Semaphore(1)


async def as_pdf(page: str) -> bytes:
    """The page on paper, with its own fonts. Raises `PdfMissing`."""
    async with _TURN:
        return await asyncio.to_thread(_written, page)


# Documents never change: who asks for one again and again takes nobody's time with it.
@lru_cache(maxsize=32)
def _written(page: str) -> bytes:
    weasyprint, style, fonts = _maker()
    # Nothing is fetched: a page has its style in it, and no picture.
    nothing = weasyprint.urls.URLFetcher(allowed_protocols=())
    html = weasyprint.HTML(string=page, url_fetcher=nothing, base_url=None)
    written: bytes = html.write_pdf(stylesheets=[style], font_config=fonts)
    return written


@lru_cache(maxsize=1)
def _maker() -> tuple[Any, Any, Any]:
    """The library, our style, and the fonts that it names."""
    try:
        weasyprint: Any = importlib.import_module("weasyprint")
        fonts = importlib.import_module("weasyprint.text.fonts").FontConfiguration()
    except (ImportError, OSError) as error:
        # OSError: it is there, and the system's Pango is not.
        log.warning("pdf_missing", error=str(error)[:300])
        raise PdfMissing from error
    files = weasyprint.urls.URLFetcher(allowed_protocols=("file",))
    style = weasyprint.CSS(
        string=_STYLE.read_text(encoding="utf-8"),
        base_url=_TEMPLATES.as_uri() + "/",
        url_fetcher=files,
        font_config=fonts,
    )
    return weasyprint, style, fonts
