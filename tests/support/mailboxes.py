"""A mail server on loopback that keeps what it takes, and has the faults that mail servers have."""

from __future__ import annotations

import asyncio
import email
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.policy import default
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from tests.support.clusters import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

    from aiosmtpd.smtp import SMTP, Envelope, LoginPassword, Session


@dataclass
class Mailbox:
    """`at_rcpt` and `at_data` are answered, one after the other, instead of a yes; `lose` answers
    are cut after the final dot, with the mail kept, and come `hold_s` seconds late."""

    port: int = 0
    kept: list[EmailMessage] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    at_rcpt: list[str] = field(default_factory=list)
    at_data: list[str] = field(default_factory=list)
    lose: int = 0
    hold_s: float = 0
    passwords: set[str] = field(default_factory=set)

    def lets_in(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: LoginPassword
    ) -> AuthResult:
        right = data.password.decode() in self.passwords
        return AuthResult(success=right, handled=False)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if self.at_rcpt:
            return self.at_rcpt.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 yes"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.at_data:
            return self.at_data.pop(0)
        content = envelope.original_content or b""
        self.raw.append(content)
        message: Any = email.message_from_bytes(content, policy=default)
        self.kept.append(message)
        await asyncio.sleep(self.hold_s)
        if self.lose:
            self.lose -= 1
            transport: Any = server.transport
            transport.abort()
            await asyncio.sleep(0)
        return "250 2.0.0 queued as 123"

    def to(self, address: str) -> list[EmailMessage]:
        return [each for each in self.kept if each["To"] == address]


@contextmanager
def mailbox(
    *passwords: str, box: Mailbox | None = None, letters: bool = False
) -> Iterator[Mailbox]:
    """With `passwords` it also lets in who gives one of them. `letters`: it takes addresses of any
    (SMTPUTF8)."""
    box = box or Mailbox()
    box.passwords |= {*passwords}
    (box.port,) = free_ports(1)
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=box.port,
        authenticator=box.lets_in,
        auth_require_tls=not passwords,
        enable_SMTPUTF8=letters,
    )
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
