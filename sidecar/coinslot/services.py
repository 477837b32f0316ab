"""Everything that serving needs, opened and closed together."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinslot.billing.charges import Charges
from coinslot.billing.methods import Methods
from coinslot.billing.resealing import Resealing
from coinslot.database import Database
from coinslot.gateways.metered import MeteredGateway
from coinslot.gateways.registry import open_gateways
from coinslot.http_client import HttpClient
from coinslot.outbox.deliveries import Deliveries
from coinslot.outbox.endpoints import Endpoints
from coinslot.outbox.mailings import Mailings
from coinslot.payments.audits import Audits
from coinslot.payments.cash_receipts import CashReceipts
from coinslot.payments.ledger_checks import LedgerChecks
from coinslot.payments.on_sale import OnSale
from coinslot.payments.orders import Orders
from coinslot.payments.receipts import Receipts
from coinslot.payments.reconciliations import Reconciliations
from coinslot.payments.refunds import Refunds
from coinslot.payments.settlements import Settlements
from coinslot.payments.storefront import Storefront
from coinslot.shutdown import Shutdown
from coinslot.webhooks.inbox import Inbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from coinslot.gateways.base import Gateway
    from coinslot.settings.deployment import Settings


@dataclass(frozen=True, slots=True)
class Services:
    database: Database
    gateways: Mapping[str, Gateway]
    orders: Orders
    on_sale: OnSale
    receipts: Receipts
    refunds: Refunds
    inbox: Inbox
    endpoints: Endpoints
    deliveries: Deliveries
    mailings: Mailings
    audits: Audits
    reconciliations: Reconciliations
    ledger_checks: LedgerChecks
    settlements: Settlements
    storefront: Storefront
    methods: Methods
    resealing: Resealing
    charges: Charges
    cash_receipts: CashReceipts
    shutdown: Shutdown

    async def settle(self, seconds: float) -> None:
        """Waits for what requests have begun, and cuts short what takes longer: nothing is under
        way after that. The rest is due again, for whoever looks next."""
        until = time.monotonic() + seconds
        await asyncio.gather(
            self.inbox.settle(seconds),
            self.refunds.close(seconds),
            self.deliveries.settle(seconds),
        )
        await self.settlements.close(max(until - time.monotonic(), 0.0))


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Services]:
    """The services, closed again at the end.

    The database and the gateways have pools of their own, so that a slow gateway does not use up
    the connections to the database. At the end one deadline holds for everything. The inbox and the
    refunds settle payments, so the settlements close after them.
    """
    shutdown = Shutdown(settings.coinslot_stop_seconds)
    async with Database(settings) as database, HttpClient() as client:
        made = open_gateways(settings, client)
        gateways = {name: MeteredGateway(gateway) for name, gateway in made.items()}
        settlements = Settlements(database)
        orders = Orders(database, gateways, settlements, live=settings.live)
        refunds = Refunds(database, gateways, settlements)
        inbox = Inbox(database, gateways, settlements, settings, shutdown)
        endpoints = Endpoints(settings)
        deliveries = Deliveries(database, settings, endpoints.rules, shutdown)
        try:
            yield Services(
                database=database,
                gateways=gateways,
                orders=orders,
                on_sale=OnSale(database),
                receipts=Receipts(orders),
                refunds=refunds,
                inbox=inbox,
                endpoints=endpoints,
                deliveries=deliveries,
                mailings=Mailings(database, settings, shutdown),
                audits=Audits(database, gateways, settlements),
                reconciliations=Reconciliations(database, gateways, settlements, refunds, shutdown),
                ledger_checks=LedgerChecks(database),
                settlements=settlements,
                storefront=Storefront(database, settings),
                methods=Methods(database, gateways, settings.secret_keys, shutdown),
                resealing=Resealing(database, settings.secret_keys),
                charges=Charges(
                    database,
                    gateways,
                    settlements,
                    settings.secret_keys,
                    shutdown,
                    at_once=settings.coinslot_charges_at_once,
                ),
                cash_receipts=CashReceipts(database, gateways, shutdown),
                shutdown=shutdown,
            )
        finally:
            shutdown.begin()
            await asyncio.gather(inbox.close(), refunds.close(shutdown.left()), deliveries.close())
            await settlements.close(shutdown.left())
            await asyncio.gather(*(gateway.close() for gateway in made.values()))
