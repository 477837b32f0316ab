"""The link of a mail that ends its kind, and what mailboxes POST to it by themselves (RFC 8058).

Whoever follows a link may be a scanner, so a GET ends nothing: it asks.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sanic import Blueprint
from sanic.exceptions import NotFound
from sanic.response import html

from coinslot.routes.limited_routes import limited
from coinslot.routes.requests import language, services

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

mail_pages = Blueprint("mail_pages")

_TOKEN = re.compile(r"[A-Za-z0-9_-]{24}")
_WORDS = {
    "ko": ("메일 알림", "이 알림을 그만 받을까요?", "그만 받기", "더 보내지 않겠습니다."),
    "en": ("Mail", "Stop this kind of mail?", "Stop it", "You will get no more of these."),
}
_PAGE = (
    '<!doctype html><html lang="{language}"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
    "<title>{title}</title><h1>{title}</h1>{body}</html>"
)
_CONTENT_POLICY = "default-src 'none'; form-action 'self'; frame-ancestors 'none'"


@mail_pages.get("/mail/stop/<token:str>")
@limited("reads", signed_in=False)
async def ask(request: Request, token: str) -> HTTPResponse:
    if not _TOKEN.fullmatch(token):
        raise NotFound
    _, question, button, _ = _WORDS[language(request)]
    form = f'<p>{question}</p><form method="post"><button>{button}</button></form>'
    return _page(request, form)


@mail_pages.post("/mail/stop/<token:str>")
@limited("reads", signed_in=False)
async def stop(request: Request, token: str) -> HTTPResponse:
    """One answer for every token: a link of a mail that is long gone ends nothing any more."""
    if not _TOKEN.fullmatch(token):
        raise NotFound
    await services(request).database.as_service().refuse_mail(token)
    return _page(request, f"<p>{_WORDS[language(request)][3]}</p>")


def _page(request: Request, body: str) -> HTTPResponse:
    spoken = language(request)
    said = _PAGE.format(language=spoken, title=_WORDS[spoken][0], body=body)
    return html(said, headers={"Content-Security-Policy": _CONTENT_POLICY})
