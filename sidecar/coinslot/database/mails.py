"""The RPCs of mail."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from coinslot.database.caller import Caller
from coinslot.database.records import Record
from coinslot.database.rpc_names import Rpc


class MailJob(Record):
    """A mail to be sent now. `unsubscribe` is the token of the link that ends its kind, None where
    it cannot be ended; `payment` is None where it is about no order, and `shown`, the names of a
    plan or a pack and of its method, where it is about neither."""

    id: int
    attempt: int
    kind: str
    event_id: str
    address: str
    locale: str | None
    happened_at: str
    live: bool
    data: dict[str, Any]
    payment: dict[str, Any] | None
    business: dict[str, str]
    links: dict[str, str]
    unsubscribe: str | None
    shown: dict[str, str | None] | None = None

    @property
    def happened(self) -> datetime:
        return datetime.fromisoformat(self.happened_at)


class MailDatabase(Caller):
    """The RPCs that send mail, and that end a kind of it."""

    async def claim_mails(self, batch: int) -> list[MailJob]:
        """They are this process's for a quarter of an hour."""
        rows = await self.call(Rpc.CLAIM_MAILS, batch=batch)
        return [MailJob.model_validate(row) for row in rows]

    async def finish_mail(
        self, job: MailJob, outcome: str, *, code: int | None, answer: str | None, dead: bool
    ) -> str | None:
        """Reports a try. The state of the mail since."""
        state: str | None = await self.call(
            Rpc.FINISH_MAIL,
            mail_id=job.id,
            attempt=job.attempt,
            outcome=outcome,
            code=code,
            answer=answer,
            dead=dead,
        )
        return state

    async def refuse_mail(self, token: str) -> str | None:
        """Ends the kind of mail that a link is of. The kind; None where there is no such link."""
        kind: str | None = await self.call(Rpc.REFUSE_MAIL, token=token)
        return kind
