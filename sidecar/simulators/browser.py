"""The files that a gateway serves to a buyer's browser: a script for the shop, and windows.

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

_SHARED = Path(__file__).parent / "windows"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html"}
_HEADERS = {
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    # Shops on this machine, wherever they are served, may show a window inside their page.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*",
}


def of_gateway(prefix: str, folder: Path) -> Blueprint:
    """The script, the payment window, and the files in `folder` that these two ask for."""
    blueprint = Blueprint(f"{prefix}-browser", url_prefix=f"/{prefix}")

    async def script(_request: Request) -> HTTPResponse:
        parts = [_text(file) for file in (_SHARED / "overlay.js", folder / "sdk.js")]
        return _answer("{\n" + "\n".join(parts) + "}\n", ".js")

    async def window(_request: Request) -> HTTPResponse:
        return _file(_SHARED, "window.html")

    async def part(_request: Request, name: str) -> HTTPResponse:
        return _file(folder, name)

    blueprint.add_route(script, "/sdk.js")
    blueprint.add_route(window, "/_window")
    blueprint.add_route(part, "/_window/<name:str>")
    return blueprint


def shared() -> Blueprint:
    """The files of all windows, and the bank at which virtual accounts are paid into."""
    blueprint = Blueprint("shared-browser", url_prefix="/_windows")

    async def bank(_request: Request) -> HTTPResponse:
        return _file(_SHARED, "bank.html")

    async def part(_request: Request, name: str) -> HTTPResponse:
        return _file(_SHARED, name)

    blueprint.add_route(bank, "/bank")
    blueprint.add_route(part, "/<name:str>")
    return blueprint


def _file(folder: Path, name: str) -> HTTPResponse:
    found = {file.name: file for file in folder.iterdir() if file.suffix in _TYPES}.get(name)
    if found is None:
        raise NotFound
    return _answer(_text(found), found.suffix)


def _answer(text: str, suffix: str) -> HTTPResponse:
    kind = f"{_TYPES[suffix]}; charset=utf-8"
    return raw(text.encode(), headers=_HEADERS, content_type=kind)


def _text(file: Path) -> str:
    return file.read_text("utf-8")
