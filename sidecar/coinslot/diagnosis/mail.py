"""The mail server: does it answer, and let this server in? No mail is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.diagnosis.findings import Finding, fault, sound, unknown

if TYPE_CHECKING:
    from coinslot.settings.deployment import Settings


async def taken(settings: Settings) -> list[Finding]:
    # Only who sends mail needs it.
    from coinslot.outbox.mail_server import MailServer  # noqa: PLC0415

    found = await MailServer(settings).look()
    if found.outcome == "accepted":
        return [sound("mail", "COINSLOT_SMTP_HOST lets this server in")]
    if found.code is None:
        return [
            unknown(
                "mail",
                "mail_server_away",
                f"COINSLOT_SMTP_HOST cannot be reached ({found.answer}): mail waits",
                "Correct COINSLOT_SMTP_HOST, _PORT and _TLS, or let this machine through to it",
            )
        ]
    return [
        fault(
            "mail",
            "mail_server_refuses",
            f"COINSLOT_SMTP_HOST does not let this server in (it said {found.code}): mail waits",
            "Set COINSLOT_SMTP_USER and COINSLOT_SMTP_PASS again",
        )
    ]
