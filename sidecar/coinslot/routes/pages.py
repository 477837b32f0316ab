"""The store page and the pages that buyers come back to, in the language of whoever asks."""

from __future__ import annotations

import gzip
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from sanic import Blueprint
from sanic.exceptions import NotFound
from sanic.response import redirect

from coinslot import assets
from coinslot.routes.content_policy import content_policy
from coinslot.routes.page_data import data_block
from coinslot.routes.page_footer import footer
from coinslot.routes.page_packs import packs
from coinslot.routes.page_words import said
from coinslot.routes.requests import services
from coinslot.routes.store import told_config
from coinslot.routes.web_files import answered, tagged, taken

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from sanic import HTTPResponse, Request

    from coinslot.settings.deployment import Settings

pages = Blueprint("pages")

_LANGUAGES = ("en", "ko")
_COOKIE = "coinslot-locale"
_A_YEAR = 31_536_000
# Of the page and of all it frames. What a payment may need (payment, publickey-credentials-get) is
# not among them.
_NOT_FOR_STORES = "camera=(), display-capture=(), geolocation=(), microphone=()"


@pages.get("/")
async def front_door(request: Request) -> HTTPResponse:
    _require_store(request.app.ctx.settings)
    return redirect("/store", status=303)


@pages.get("/store")
async def store_page(request: Request) -> HTTPResponse:
    settings: Settings = request.app.ctx.settings
    _require_store(settings)
    if is_chosen(request):
        return chosen(request, live=settings.live)
    offers = await services(request).on_sale.offers()
    shown = {} if offers is None else {"offers": [each.model_dump() for each in offers]}
    packed = packs(offers, language_of(request))
    name = "store" if settings.coinslot_demo_bank_url is None else "demo"
    if name == "demo" and request.args.get("state"):
        name = "gallery"
    return await _page(request, name, data=shown, parts={"packs": packed})


@pages.get("/store/invite")
async def invitation_page(request: Request) -> HTTPResponse:
    """A page of its own: few people invite. The code in its address is for its script."""
    settings: Settings = request.app.ctx.settings
    _require_store(settings)
    if is_chosen(request):
        return chosen(request, live=settings.live)
    return await _page(request, "invite")


@pages.get("/store/subscription")
async def subscription_page(request: Request) -> HTTPResponse:
    """A page of its own: its script is none that a store without plans has to load."""
    settings: Settings = request.app.ctx.settings
    _require_store(settings)
    if is_chosen(request):
        return chosen(request, live=settings.live)
    return await _page(request, "plans")


@pages.get("/billing/success", name="stored")
@pages.get("/billing/fail", name="not_stored")
async def stored_page(request: Request) -> HTTPResponse:
    """The same page, where it goes on once a gateway has stored a method, or has not."""
    if not assets.WEB.is_dir():
        raise NotFound
    return await _page(request, "plans")


@pages.get("/payment/success", name="success")
@pages.get("/payment/fail", name="fail")
async def return_page(request: Request) -> HTTPResponse:
    """One page: what became of the payment the gateway is asked, not the address."""
    if not assets.WEB.is_dir():
        raise NotFound
    return await _page(request, "return")


def _require_store(settings: Settings) -> None:
    if not settings.serves_store(live=settings.live):
        raise NotFound


def is_chosen(request: Request) -> bool:
    """True where the address says a language that the pages are written in."""
    return request.args.get("lang") in _LANGUAGES


def chosen(request: Request, *, live: bool) -> HTTPResponse:
    """Kept for the next visit, and out of the address."""
    language = str(request.args.get("lang"))
    answer = redirect(request.path, status=303)
    answer.cookies.add_cookie(
        _COOKIE, language, max_age=_A_YEAR, path="/", samesite="Lax", secure=live
    )
    return answer


def language_of(request: Request) -> str:
    """The chosen language, else the first of the browser's that the pages are written in."""
    kept = request.cookies.get(_COOKIE)
    if kept in _LANGUAGES:
        return str(kept)
    spoken = re.findall(r"(?:^|,)\s*(\w{2,3})", request.headers.get("accept-language", "").lower())
    return next((each for each in spoken if each in _LANGUAGES), "en")


async def _page(
    request: Request,
    name: str,
    *,
    data: Mapping[str, Any] | None = None,
    parts: Mapping[str, str] | None = None,
) -> HTTPResponse:
    """The page as it was built, with what only this server knows put in."""
    settings: Settings = request.app.ctx.settings
    config, language = await told_config(request), language_of(request)
    file = assets.WEB / f"pages/{name}.{language}.html"
    text = read_page(file)
    put = {
        "config": data_block({**config, **(data or {})}),
        "footer": footer(config, said(language), language),
    }
    for part, markup in {**put, **(parts or {})}.items():
        text = text.replace(f"<!--{part}-->", markup)
    body = text.replace('data-mode=""', f'data-mode="{settings.coinslot_mode}"').encode()
    return _answer(request, body, content_policy(settings))


def _answer(request: Request, body: bytes, policy: str) -> HTTPResponse:
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": policy,
        "ETag": tagged(body),
        "Permissions-Policy": _NOT_FOR_STORES,
        # Gateways look at where a buyer comes from; the path may name a payment and stays here.
        "Referrer-Policy": "strict-origin",
        "Vary": "Accept-Encoding, Accept-Language, Cookie",
    }
    if "gzip" in taken(request.headers.get("accept-encoding", "")):
        body, headers["Content-Encoding"] = _packed(body), "gzip"
    return answered(request, body, headers, "text/html; charset=utf-8")


def read_page(file: Path) -> str:
    """The markup as it was built last."""
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _read(file: Path, _changed_at: int) -> str:
    return file.read_text(encoding="utf-8")


@lru_cache(maxsize=16)
def _packed(body: bytes) -> bytes:
    """All in it is public, and nothing of it comes out of the request."""
    return gzip.compress(body, 6, mtime=0)
