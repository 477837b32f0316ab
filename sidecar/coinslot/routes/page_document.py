"""Receipts and credit notes as pages that print well, for their owner alone.

A tab of a browser cannot send a header, so a form sends the JWT in its body (RFC 6750, 2.2): it is
in no address, no history and no log. What is in a document is anybody's text: it is escaped, and
its direction is its own.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sanic import Blueprint
from sanic.exceptions import NotFound
from sanic.response import html, raw

from coinslot import assets
from coinslot.errors import InvalidRequest, Unauthorized
from coinslot.routes.limited_routes import limited
from coinslot.routes.page_packs import money
from coinslot.routes.page_pdf import as_pdf
from coinslot.routes.page_words import said
from coinslot.routes.pages import language_of
from coinslot.routes.requests import is_token, required_token, services
from coinslot.text import seller_in

if TYPE_CHECKING:
    from jinja2 import Template
    from sanic import HTTPResponse, Request

    from coinslot.database.shop_records import Document

document_pages = Blueprint("document_pages")

NUMBER = re.compile(r"(?:TEST-)?[RC][0-9]{4,6}-[0-9]{6,16}")
_LANGUAGES = ("en", "ko")
_PDF = "application/pdf"
_TEMPLATES = Path(__file__).parent / "templates"
_SELLER = ("name", "ceo", "registration", "mail_order", "address", "phone", "email")


@document_pages.get("/documents/<number:str>")
@limited("reads", signed_in=True)
async def document(request: Request, number: str) -> HTTPResponse:
    """For whoever can send the JWT as a header."""
    wants_pdf = _PDF in request.headers.get("accept", "") or request.args.get("format") == "pdf"
    language = request.args.get("lang")
    return await _page(request, number, required_token(request), language, wants_pdf=wants_pdf)


@document_pages.post("/documents/<number:str>", name="opened")
@limited("reads", signed_in=False)
async def opened(request: Request, number: str) -> HTTPResponse:
    """For a tab: a form with the fields `access_token`, `lang` and `format`."""
    form = request.form
    names = ("access_token", "lang", "format")
    token, language, wanted = ((form and form.get(name)) or "" for name in names)
    if not is_token(token):
        raise Unauthorized
    return await _page(request, number, token, language, wants_pdf=wanted == "pdf")


async def _page(
    request: Request, number: str, token: str, language: str | None, *, wants_pdf: bool
) -> HTTPResponse:
    if not assets.WEB.is_dir():
        raise NotFound
    if not NUMBER.fullmatch(number):
        raise InvalidRequest("A number is like R2026-000123 or C2026-000045")
    found = await services(request).database.as_user(token).document(number)
    spoken = language if language in _LANGUAGES else language_of(request)
    body = rendered(found, spoken)
    if wants_pdf:
        named = {"Content-Disposition": f'inline; filename="{number}.pdf"'}
        return raw(await as_pdf(body), content_type=_PDF, headers=named)
    return html(body, headers={"Content-Security-Policy": policy(), "Content-Language": spoken})


def rendered(document: Document, language: str) -> str:
    """The page. Every text of the document's is escaped by the template."""
    words = said(language)

    def amount(figure: int | None) -> str:
        return "" if figure is None else money(figure, document.currency, language)

    korean = language == "ko" and document.name_ko
    supply = (
        None
        if document.vat is None or document.tax_free is None
        else document.amount - document.vat - document.tax_free
    )
    details = seller_in(document.seller, language)
    seller = [
        words.get(f"business.{name}", "{value}").replace("{value}", details[name])
        for name in _SELLER
        if details.get(name)
    ]
    method = document.method or ""
    last_four = document.card.get("last_four")
    card = (document.card.get("brand"), f"•••• {last_four}" if last_four else None)
    return _template().render(
        language=language,
        words=words,
        document=document,
        name=document.name_ko if korean else document.name,
        method=words.get(f"method.{method}", method),
        card=" ".join(each for each in card if each),
        supply=supply,
        seller=seller,
        amount=amount,
        style=_part("document.css"),
        script=_part("document.js"),
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("document.html")


@lru_cache(maxsize=2)
def _part(name: str) -> Markup:
    """Our own, which the page holds whole: it can be kept as one file."""
    return Markup((_TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704 - no text of others


@lru_cache(maxsize=1)
def policy() -> str:
    """Nothing is loaded and nothing is sent. The one style and the one script are told by what is
    in them."""
    style, script = (_hash(_part(name)) for name in ("document.css", "document.js"))
    return (
        f"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
