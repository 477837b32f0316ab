"""A mail as it is sent: its words by kind and language, as text and as HTML of the same lines.

A text is a file such as `receipt.ko.txt`: the subject, a line of dashes, and paragraphs. A line
`| name | value` is a row of a table, a line `> words | address` a button. An app's folder may hold
files of these names, and `layout.html`, which is the look.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined, select_autoescape

from coinslot.text import seller_in, storable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinslot.database.mails import MailJob
    from coinslot.settings.deployment import Settings

OURS = Path(__file__).parent / "mail_texts"
LANGUAGES = ("ko", "en")

_SEOUL = ZoneInfo("Asia/Seoul")
_WITHOUT_MINOR = {"KRW", "JPY", "VND", "CLP", "PYG", "UGX", "XAF", "XOF", "XPF", "RWF", "DJF"}
_SIGNS = {"KRW": "₩", "USD": "$", "EUR": "€", "JPY": "¥", "GBP": "£"}
_BUSINESS = ("name", "ceo", "registration", "mail_order", "address", "phone", "email")
_BLANKS = re.compile(r"\n{3,}")
_LONGEST_SUBJECT = 150


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph (`name` empty), a row of a table, or a button."""

    kind: str
    text: str
    name: str = ""


class MailWriter:
    def __init__(self, settings: Settings) -> None:
        theirs = settings.coinslot_mail_templates
        folders = [FileSystemLoader(each) for each in ([theirs] if theirs else []) + [OURS]]
        self._settings = settings
        self._texts = _environment(ChoiceLoader(folders), escaped=False)
        self._looks = _environment(ChoiceLoader(folders), escaped=True)

    def write(self, job: MailJob) -> EmailMessage:
        """The mail. Raises `jinja2.TemplateError` for a text of an app that cannot be used."""
        language = language_of(job)
        words = self._texts.get_template(f"{job.kind}.{language}.txt").render(
            self._facts(job, language)
        )
        subject, _, body = words.partition("\n---\n")
        stop = self._settings.unsubscribe_link(job.unsubscribe) if job.unsubscribe else None
        lines = list(_lines(body))
        message = EmailMessage(policy=SMTP)
        self._head(message, job, _one_line(subject), stop)
        business = seller_in(job.business, language)
        page = {
            "language": language,
            "subject": _one_line(subject),
            "lines": lines,
            "business": {each: _one_line(business.get(each, "")) for each in _BUSINESS},
            "stop": stop,
        }
        message.set_content(self._texts.get_template("layout.txt").render(page), cte="base64")
        message.add_alternative(
            self._looks.get_template("layout.html").render(page), subtype="html", cte="base64"
        )
        return message

    def _head(self, message: EmailMessage, job: MailJob, subject: str, stop: str | None) -> None:
        """The same on each try: by Message-ID some mailboxes know a second copy."""
        sender = self._settings.coinslot_smtp_sender_email or ""
        name = self._settings.coinslot_smtp_sender_name or job.business.get("name", "")
        user, _, domain = sender.rpartition("@")
        message["From"] = Address(_one_line(name), user, domain)
        message["To"] = job.address
        message["Subject"] = subject
        message["Date"] = job.happened
        message["Message-ID"] = f"<mail.{job.id}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"
        if stop is not None:
            message["List-Unsubscribe"] = f"<{stop}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"

    def _facts(self, job: MailJob, language: str) -> dict[str, Any]:
        """The words of others on one line: none of them begins a row or a button."""
        order = job.payment or {}
        shown = job.shown or order
        currency = str(order.get("currency") or job.data.get("currency") or "")
        name = shown.get("name_ko") if language == "ko" else shown.get("name")
        business = seller_in(job.business, language)
        seller = _one_line(business.get("name", "")) or self._settings.coinslot_smtp_sender_name
        return {
            "data": {key: _plain(value) for key, value in job.data.items()},
            "order": {key: _plain(value) for key, value in order.items()},
            "account": _account(order),
            "product": _one_line(str(name or shown.get("name") or "")),
            "card": _card(job.shown or {}),
            "paid_by": _paid_by(order.get("card") or {}),
            "seller": seller,
            "support": job.links.get("support", ""),
            "store": f"{self._settings.frontend_url}",
            "live": job.live,
            "money": lambda amount: money(int(amount), currency, language),
            "number": lambda value: f"{int(value):,}",
            "time": lambda text: shown_time(str(text), language),
        }


def language_of(job: MailJob) -> str:
    """The profile's, else that of the money: Korean for won, and where there is none."""
    if job.locale:
        return "ko" if job.locale.lower().startswith("ko") else "en"
    currency = (job.payment or job.data).get("currency", "KRW")
    return "ko" if currency == "KRW" else "en"


def money(amount: int, currency: str, language: str) -> str:
    """Minor units as people of that language write them."""
    places = 0 if currency in _WITHOUT_MINOR else 2
    figure = f"{amount / 10**places:,.{places}f}" if places else f"{amount:,}"
    if language == "ko" and currency == "KRW":
        return f"{figure}원"
    sign = _SIGNS.get(currency)
    return f"{sign}{figure}" if sign else f"{figure} {currency}"


def shown_time(text: str, language: str) -> str:
    """A point in time in Seoul for Korean readers, in UTC for others."""
    at = datetime.fromisoformat(text)
    if language == "ko":
        there = at.astimezone(_SEOUL)
        return f"{there.year}년 {there.month}월 {there.day}일 {there:%H:%M}"
    there = at.astimezone(UTC)
    return f"{there.day} {there:%B %Y, %H:%M} UTC"


def _environment(loader: ChoiceLoader, *, escaped: bool) -> Environment:
    return Environment(
        loader=loader,
        autoescape=select_autoescape() if escaped else False,  # noqa: S701 - plain text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )


def _lines(body: str) -> list[Line]:
    found = []
    for line in _BLANKS.sub("\n\n", body.strip()).splitlines():
        sign, _, rest = line.strip().partition(" ")
        first, _, second = (part.strip() for part in rest.partition(" | "))
        if sign == "|":
            found.append(Line("row", second, first))
        elif sign == ">" and second.startswith(("https://", "http://", "mailto:")):
            found.append(Line("button", second, first))
        elif line.strip():
            found.append(Line("words", line.strip()))
    return found


def _account(order: Mapping[str, Any]) -> dict[str, str]:
    found = order.get("virtual_account") or {}
    fields = ("bank", "account_number", "holder", "due_at")
    return {name: _one_line(str(found.get(name) or "")) for name in fields}


def _card(shown: Mapping[str, str | None]) -> str:
    return _one_line(" ".join(shown.get(each) or "" for each in ("brand", "last_four")))


def _paid_by(card: Mapping[str, str]) -> dict[str, str]:
    """The card that paid as a receipt shows it, and its approval number; each may be empty."""
    last_four = card.get("last_four")
    parts = (card.get("brand"), f"•••• {last_four}" if last_four else None)
    return {
        "card": _one_line(" ".join(each for each in parts if each)),
        "approval": _one_line(card.get("approval") or ""),
    }


def _plain(value: object) -> object:
    return _one_line(value) if isinstance(value, str) else value


def _one_line(text: str) -> str:
    """No line break, nothing that steers a reader, and of a bounded length."""
    clean = "".join(each if each.isprintable() else " " for each in storable(text))
    return " ".join(clean.split())[:_LONGEST_SUBJECT]
