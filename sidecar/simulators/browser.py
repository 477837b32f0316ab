"""What the gateways serve to a buyer's browser: a script for the shop's page, and its windows.

`/{gateway}/sdk.js` takes the calls of the official script and answers them in the same shapes. The
window asks the buyer what should happen and plays it through the control API.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sanic import Blueprint
from sanic.exceptions import NotFound
from sanic.response import raw

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

browser = Blueprint("browser")

_FILES = Path(__file__).parent / "windows"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
_PARTS = {file.name for file in _FILES.iterdir() if file.suffix in {".js", ".css"}}
_PAGES = {"_window": "window.html", "_element": "element.html"}
_HEADERS = {
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    # Shops on this machine, wherever they are served, may show a window inside their page.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*",
}


@browser.get("/<gateway:(portone-v1|portone-v2|toss|stripe)>/sdk.js")
async def script(_request: Request, gateway: str) -> HTTPResponse:
    parts = [(_FILES / name).read_text("utf-8") for name in ("overlay.js", f"{gateway}.js")]
    return _answer("{\n" + "\n".join(parts) + "}\n", ".js")


@browser.get("/<_gateway:(portone-v1|portone-v2|toss|stripe)>/<page:(_window|_element)>")
async def window(_request: Request, _gateway: str, page: str) -> HTTPResponse:
    return _answer((_FILES / _PAGES[page]).read_text("utf-8"), ".html")


@browser.get("/_windows/bank")
async def bank(_request: Request) -> HTTPResponse:
    return _answer((_FILES / "bank.html").read_text("utf-8"), ".html")


@browser.get("/_windows/<name:str>")
async def part(_request: Request, name: str) -> HTTPResponse:
    if name not in _PARTS:
        raise NotFound
    return _answer((_FILES / name).read_text("utf-8"), Path(name).suffix)


def _answer(text: str, suffix: str) -> HTTPResponse:
    kind = f"{_TYPES[suffix]}; charset=utf-8"
    return raw(text.encode(), headers=_HEADERS, content_type=kind)
