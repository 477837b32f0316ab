"""Everything that serving needs, opened and closed together."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from sidecar.database import Database
from sidecar.gateways import close, gateways
from sidecar.inbox import Inbox
from sidecar.payments import Payments
from sidecar.settling import Settling

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sidecar.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    database: Database
    payments: Payments
    inbox: Inbox


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Services]:
    """The pools are separate: a slow gateway must not use up the database's connections."""
    async with Database(settings) as database, httpx.AsyncClient(follow_redirects=False) as client:
        known, settling = gateways(settings, client), Settling(database)
        payments = Payments(database, known, settling, live=settings.live)
        inbox = Inbox(database, known, settling, settings)
        try:
            yield Services(database, payments, inbox)
        finally:
            await inbox.close()
            await settling.close()
            await close(known)
