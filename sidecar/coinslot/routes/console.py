"""The operators' console: a page of its own, under the strictest policy, that nobody keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sanic import Blueprint
from sanic.exceptions import NotFound
from sanic.response import raw

from coinslot import assets
from coinslot.gateways.registry import payment_pages
from coinslot.routes.page_data import data_block
from coinslot.routes.pages import chosen, is_chosen, language_of, read_page

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

    from coinslot.settings.deployment import Settings

console = Blueprint("console")

_PEOPLE = ("support@example.com", "finance@example.com", "owner@example.com")
"""Those that the local stack's seed makes, to sign in as with one press."""


@console.get("/console")
async def console_page(request: Request) -> HTTPResponse:
    settings: Settings = request.app.ctx.settings
    if not settings.serves_console(live=settings.live):
        raise NotFound
    if is_chosen(request):
        return chosen(request, live=settings.live)
    language = language_of(request)
    told = {
        "supabaseUrl": settings.supabase_url,
        "anonKey": settings.supabase_anon_key.get_secret_value(),
        "mode": settings.coinslot_mode,
        "paymentPages": payment_pages(),
        "people": _PEOPLE if settings.coinslot_demo_bank_url is not None else (),
    }
    text = read_page(assets.WEB / f"pages/console.{language}.html")
    text = text.replace("<!--config-->", data_block(told))
    text = text.replace('data-mode=""', f'data-mode="{settings.coinslot_mode}"')
    return raw(text.encode(), headers=_headers(settings), content_type="text/html; charset=utf-8")


def _headers(settings: Settings) -> dict[str, str]:
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": console_policy(settings),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": (
            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
        ),
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Language, Cookie",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "X-Robots-Tag": "noindex, nofollow",
    }


def console_policy(settings: Settings) -> str:
    """Nothing foreign, nothing inline, and no text becomes markup but by lit's own templates."""
    parts = urlsplit(settings.supabase_url)
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            f"connect-src 'self' {parts.scheme}://{parts.netloc}",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types lit-html",
        )
    )
