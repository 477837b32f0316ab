"""One mail handed to a mail server, step by step, so that what became of it is known.

accepted: it took it. temporary: it said later, or could not be reached before the mail was out.
permanent: it said no. unknown: the connection ended after the mail was out and before its answer,
so that a second one may be a duplicate (RFC 1047).
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from email.policy import SMTP
from typing import TYPE_CHECKING, Literal

import aiosmtplib

from coinslot.text import storable

if TYPE_CHECKING:
    from email.message import EmailMessage

    from coinslot.settings.deployment import Settings

Outcome = Literal["accepted", "temporary", "permanent", "unknown"]

# RFC 5321 gives the last answer ten minutes: servers look through a mail before it.
_SECONDS = 60.0
_SECONDS_TO_TAKE = 600.0
# Of nobody, or of nobody any more.
_DEAD = ("5.1.1", "5.1.2", "5.1.10")
# About our own access: no mail of ours is wrong.
_OURS = {530, 534, 535, 538}
_ADDRESS = re.compile(r"[^\s<>()\[\]:;,@\"]+@[^\s<>()\[\]:;,@\"]+")


@dataclass(frozen=True, slots=True)
class Sent:
    """`dead`: nobody has the address. `ours`: the server does not let us in."""

    outcome: Outcome
    code: int | None = None
    answer: str = ""
    dead: bool = False
    ours: bool = False


class MailServer:
    def __init__(self, settings: Settings) -> None:
        password = settings.coinslot_smtp_pass
        self._host = settings.coinslot_smtp_host
        self._port = settings.coinslot_smtp_port
        self._tls = settings.smtp_tls
        self._user = settings.coinslot_smtp_user
        self._password = password.get_secret_value() if password else None
        self._sender = settings.coinslot_smtp_sender_email or ""

    async def send(self, message: EmailMessage, recipient: str) -> Sent:
        """Raises nothing that the server, or the way to it, does."""
        out = False
        client = self._client()
        try:
            await self._let_in(client)
            content = await self._addressed(client, message, recipient)
            out = True
            code, answer = await client.data(content, timeout=_SECONDS_TO_TAKE)
            return Sent("accepted", code, _said(answer))
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error.code, error.message)
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError, TimeoutError, ValueError) as error:
            return Sent("unknown" if out else "temporary", answer=_said(type(error).__name__))
        finally:
            client.close()

    async def _addressed(
        self, client: aiosmtplib.SMTP, message: EmailMessage, recipient: str
    ) -> bytes:
        """Names both sides; what is to be sent then. A domain in letters of its own has a name in
        ASCII; of what is before the @ there is none, and few servers take it (RFC 6531)."""
        user, _, domain = recipient.rpartition("@")
        if not domain.isascii():
            recipient = f"{user}@{_in_ascii(domain)}"
            message.replace_header("To", recipient)
        if recipient.isascii():
            await client.mail(self._sender)
            await client.rcpt(recipient)
            return message.as_bytes(policy=SMTP)
        await client.ehlo()
        if not client.supports_extension("smtputf8"):
            raise aiosmtplib.SMTPRecipientRefused(553, "5.6.7 no SMTPUTF8 here", recipient)
        await client.mail(self._sender, options=["SMTPUTF8"], encoding="utf-8")
        await client.rcpt(recipient, encoding="utf-8")
        return message.as_bytes(policy=SMTP.clone(utf8=True))

    async def look(self) -> Sent:
        """The same without a mail: `accepted` where the server lets us in."""
        client = self._client()
        try:
            await self._let_in(client)
            await client.quit()
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error.code, error.message)
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError, TimeoutError, ValueError) as error:
            return Sent("temporary", answer=_said(type(error).__name__))
        finally:
            client.close()
        return Sent("accepted")

    async def _let_in(self, client: aiosmtplib.SMTP) -> None:
        await client.connect()
        if self._user is not None:
            await client.login(self._user, self._password or "")

    def _client(self) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            timeout=_SECONDS,
            use_tls=self._tls == "implicit",
            start_tls=self._tls == "starttls",
        )


def _in_ascii(domain: str) -> str:
    try:
        return domain.encode("idna").decode()
    except UnicodeError as error:
        raise aiosmtplib.SMTPRecipientRefused(553, "5.1.3 no domain", domain) from error


def _refused(code: int, text: str) -> Sent:
    """Judges an answer, which is known: a 4 asks for another try, a 5 for none."""
    if code in _OURS:
        return Sent("temporary", code, _said(text), ours=True)
    if 500 <= code < 600:
        return Sent("permanent", code, _said(text), dead=text.startswith(_DEAD))
    return Sent("temporary", code, _said(text))


def _said(text: str) -> str:
    """As it may be kept: servers repeat the address, which is a person's."""
    return _ADDRESS.sub("…", storable(text))[:300]
