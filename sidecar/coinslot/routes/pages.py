"""The store page, the pages that buyers come back to, and the modules both are made of."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from sanic import Blueprint
from sanic.exceptions import NotFound
from sanic.response import raw, redirect

from coinslot.assets import WEB
from coinslot.routes.content_policy import content_policy

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from coinslot.settings.deployment import Settings

pages = Blueprint("pages")

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".ts": "text/plain; charset=utf-8",
}
# Of the page and of all it frames. What a payment may need (payment, publickey-credentials-get) is
# not among them.
_NOT_FOR_STORES = "camera=(), display-capture=(), geolocation=(), microphone=()"


@pages.get("/")
async def front_door(request: Request) -> HTTPResponse:
    _require_store(request.app.ctx.settings)
    return redirect("/store", status=303)


@pages.get("/store")
async def store_page(request: Request) -> HTTPResponse:
    _require_store(request.app.ctx.settings)
    return _page(request, "store")


@pages.get("/store/supabase.js")
async def supabase_js(request: Request) -> HTTPResponse:
    settings: Settings = request.app.ctx.settings
    if not settings.coinslot_supabase_js.is_file():
        raise NotFound
    return _file(request, settings.coinslot_supabase_js)


@pages.get("/payment/success", name="success")
@pages.get("/payment/fail", name="fail")
async def return_page(request: Request) -> HTTPResponse:
    """One page: what became of the payment the gateway is asked, not the address."""
    return _page(request, "return")


@pages.get("/web/<path:path>")
async def module(request: Request, path: str) -> HTTPResponse:
    try:
        file = (WEB / path).resolve(strict=True)
    except (OSError, ValueError):  # not there, or no path at all
        raise NotFound from None
    if not file.is_relative_to(WEB) or file.suffix == ".html" or not file.is_file():
        raise NotFound
    return _file(request, file)


def _require_store(settings: Settings) -> None:
    if not settings.serves_store(live=settings.live):
        raise NotFound


def _page(request: Request, name: str) -> HTTPResponse:
    settings: Settings = request.app.ctx.settings
    page = _file(request, WEB / "pages" / f"{name}.html")
    page.headers["Content-Security-Policy"] = content_policy(settings)
    # Gateways look at where a buyer comes from; the path may name a payment and stays here.
    page.headers["Referrer-Policy"] = "strict-origin"
    page.headers["Permissions-Policy"] = _NOT_FOR_STORES
    return page


def _file(request: Request, file: Path) -> HTTPResponse:
    """Asked for again at every use, and sent again only when it has changed."""
    if file.suffix not in _TYPES:
        raise NotFound
    body, tag = _read(file, file.stat().st_mtime_ns)
    headers = {"Cache-Control": "no-cache", "ETag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return raw(b"", status=304, headers=headers, content_type=_TYPES[file.suffix])
    return raw(body, headers=headers, content_type=_TYPES[file.suffix])


@lru_cache(maxsize=64)
def _read(file: Path, _changed_at: int) -> tuple[bytes, str]:
    body = file.read_bytes()
    return body, f'"{hashlib.sha256(body).hexdigest()[:20]}"'
