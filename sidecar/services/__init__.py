"""Everything that serving needs, opened and closed together."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sidecar.connections import HttpClient
from sidecar.database import Database
from sidecar.gateways import close, gateways
from sidecar.gateways.measured import Measured
from sidecar.services.auditing import Auditing
from sidecar.services.backlog import Backlog
from sidecar.services.bookkeeping import Bookkeeping
from sidecar.services.inbox import Inbox
from sidecar.services.payments import Payments
from sidecar.services.reconciling import Reconciler
from sidecar.services.refunding import Refunding
from sidecar.services.settling import Settling
from sidecar.stopping import Stopping

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sidecar.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    database: Database
    payments: Payments
    refunding: Refunding
    inbox: Inbox
    auditing: Auditing
    reconciler: Reconciler
    bookkeeping: Bookkeeping
    backlog: Backlog
    stopping: Stopping


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Services]:
    """The pools are separate: a slow gateway must not use up the database's connections.

    One deadline holds for all that is under way in the end. What follows webhooks and what carries
    refunds settles payments, so settling ends last.
    """
    stopping = Stopping(settings.coinslot_stop_seconds)
    async with Database(settings) as database, HttpClient() as client:
        made, settling = gateways(settings, client), Settling(database)
        known = {name: Measured(gateway) for name, gateway in made.items()}
        payments = Payments(database, known, settling, live=settings.live)
        refunding = Refunding(database, known, settling)
        inbox = Inbox(database, known, settling, settings, stopping)
        auditing = Auditing(database, known, settling)
        reconciler = Reconciler(database, known, settling, refunding, stopping)
        try:
            yield Services(
                database,
                payments,
                refunding,
                inbox,
                auditing,
                reconciler,
                Bookkeeping(database),
                Backlog(database),
                stopping,
            )
        finally:
            stopping.begin()
            await asyncio.gather(inbox.close(), refunding.close(stopping.left()))
            await settling.close(stopping.left())
            await close(made)
