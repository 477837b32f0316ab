"""Mail that is due: claimed, written, handed to the mail server, and its end reported."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from jinja2 import TemplateError

from coinslot.database.caller import RpcMissing
from coinslot.errors import CoinslotError
from coinslot.metrics import MAILS
from coinslot.outbox.mail_server import MailServer, Sent
from coinslot.outbox.mail_writer import MailWriter

if TYPE_CHECKING:
    from coinslot.database import Database
    from coinslot.database.mails import MailJob
    from coinslot.settings.deployment import Settings

log = structlog.get_logger(__name__)

# At a time: mail servers count connections.
_AT_ONCE = 4
_BATCH = 20


class Mailings:
    """Off without a mail server. `send_due` is repeated work, of which one turn is enough."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.is_on = settings.sends_mail
        self._database = database
        self._server = MailServer(settings)
        self._writer = MailWriter(settings)
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def send_due(self) -> None:
        """Sends what is due, as far as the mail server lets us in."""
        if not self.is_on:
            return
        try:
            while jobs := await self._database.as_service().claim_mails(_BATCH):
                outcomes = await asyncio.gather(*map(self._send, jobs))
                if any(sent.ours for sent in outcomes):
                    log.error("mail_server_refuses_us", code=outcomes[0].code)
                    return
        except RpcMissing:
            log.info("mails_not_there")

    async def _send(self, job: MailJob) -> Sent:
        async with self._places:
            sent = await self._sent(job)
        MAILS.labels(sent.outcome).inc()
        # Never the address, which is a person's.
        log.info(
            "mail_sent",
            mail=job.id,
            kind=job.kind,
            attempt=job.attempt,
            outcome=sent.outcome,
            code=sent.code,
        )
        if sent.outcome == "permanent":
            log.warning(
                "mail_refused", mail=job.id, kind=job.kind, code=sent.code, address_dead=sent.dead
            )
        try:
            await self._database.as_service().finish_mail(
                job, sent.outcome, code=sent.code, answer=sent.answer or None, dead=sent.dead
            )
        except CoinslotError as error:
            log.warning("mail_left_to_its_lease", mail=job.id, code=error.code)
        return sent

    async def _sent(self, job: MailJob) -> Sent:
        try:
            message = self._writer.write(job)
        except (TemplateError, ValueError, KeyError, TypeError) as error:
            log.error("mail_not_written", mail=job.id, kind=job.kind, error=repr(error)[:200])  # noqa: TRY400 - a text of the app's
            return Sent("permanent", answer="not written")
        return await self._server.send(message, job.address)
