"""Settings of mail: the mail server, whose name mail is in, and where its links lead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from coinslot.settings.fields import Address

# With `<…>` around it, what a header of mail carries on one line: Python folds and spoils more.
LONGEST_LINK = 74
_PATH = "/mail/stop/"
_TOKEN = 24
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


class MailSettings(BaseSettings):
    """Off without a server."""

    coinslot_smtp_host: str | None = None
    coinslot_smtp_port: int = Field(default=587, ge=1, le=65535)
    coinslot_smtp_user: str | None = None
    coinslot_smtp_pass: SecretStr | None = None
    # implicit: from the first byte, as on port 465. starttls: asked for, and refused without. none:
    # to a server on this machine alone.
    coinslot_smtp_tls: Literal["implicit", "starttls", "none"] | None = None
    coinslot_smtp_sender_email: str | None = None
    coinslot_smtp_sender_name: str = ""
    # Of this server, as people reach it.
    coinslot_public_url: Address | None = None
    # Between two looks for mail to be sent.
    coinslot_mail_seconds: float = Field(default=5, gt=0)
    # A folder of texts and looks that stand for ours of the same name.
    coinslot_mail_templates: Path | None = None

    @property
    def sends_mail(self) -> bool:
        return self.coinslot_smtp_host is not None

    @property
    def smtp_tls(self) -> str:
        if self.coinslot_smtp_tls is not None:
            return self.coinslot_smtp_tls
        return "implicit" if self.coinslot_smtp_port in {465, 2465} else "starttls"

    def unsubscribe_link(self, token: str) -> str:
        return f"{self.coinslot_public_url}{_PATH}{token}"

    @field_validator("coinslot_smtp_sender_email")
    @classmethod
    def _is_plain(cls, value: str | None) -> str | None:
        if value is not None and not _ADDRESS.fullmatch(value):
            raise ValueError("is an address such as hello@example.com, without a name")
        return value

    def mail_problems(self, *, live: bool) -> list[str]:
        if self.coinslot_smtp_host is None:
            return []
        problems = []
        if self.coinslot_smtp_sender_email is None:
            problems.append("COINSLOT_SMTP_SENDER_EMAIL is not set: COINSLOT_SMTP_HOST needs it")
        if self.coinslot_public_url is None:
            problems.append("COINSLOT_PUBLIC_URL is not set: mail has links to this server")
        elif len(self.unsubscribe_link("t" * _TOKEN)) > LONGEST_LINK:
            most = LONGEST_LINK - len(_PATH) - _TOKEN
            problems.append(f"COINSLOT_PUBLIC_URL has more than {most} characters")
        if (self.coinslot_smtp_user is None) != (self.coinslot_smtp_pass is None):
            problems.append("COINSLOT_SMTP_USER and COINSLOT_SMTP_PASS are set together")
        if live and self.smtp_tls == "none":
            problems.append(
                "COINSLOT_SMTP_TLS=none sends everything in the open: live mode refuses"
            )
        return problems
