"""Mail that is due: claimed, written, handed to the mail server, and its end reported."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from jinja2 import TemplateError

from coinslot.errors import CoinslotError
from coinslot.metrics import MAILS
from coinslot.outbox.mail_server import MailServer, Sent
from coinslot.outbox.mail_writer import MailWriter

if TYPE_CHECKING:
    from coinslot.database import Database
    from coinslot.database.mails import MailJob
    from coinslot.settings.deployment import Settings
    from coinslot.shutdown import Shutdown

log = structlog.get_logger(__name__)

# Claimed and handed over at a time. Mail servers count connections; and of what was claimed by a
# process that died nobody knows whether it was sent, so none is claimed to wait for a place.
_AT_ONCE = 4


class Mailings:
    """Off without a mail server. `send_due` is repeated work, of which one turn is enough."""

    def __init__(self, database: Database, settings: Settings, shutdown: Shutdown) -> None:
        self.is_on = settings.sends_mail
        self._database = database
        self._server = MailServer(settings)
        self._writer = MailWriter(settings)
        self._shutdown = shutdown

    async def send_due(self) -> None:
        """Sends what is due, as far as the mail server lets us in and nobody stops this one."""
        if not self.is_on:
            return
        under_way: set[asyncio.Task[Sent]] = set()
        try:
            await self._work_off(under_way)
        except CoinslotError:
            await asyncio.gather(*under_way)
            raise
        finally:
            for task in under_way:
                task.cancel()

    async def _work_off(self, under_way: set[asyncio.Task[Sent]]) -> None:
        let_in = True
        while True:
            if let_in and not self._shutdown.has_begun():
                free = _AT_ONCE - len(under_way)
                jobs = await self._database.as_service().claim_mails(free)
                under_way |= {asyncio.create_task(self._send(job)) for job in jobs}
            if not under_way:
                return
            done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            under_way -= done
            for sent in (each.result() for each in done):
                if sent.ours:
                    let_in = False
                    log.error("mail_server_refuses_us", code=sent.code)

    async def _send(self, job: MailJob) -> Sent:
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
