"""The database as the server acts on it, with the service key."""

from __future__ import annotations

from coinslot.database.billing import BillingDatabase
from coinslot.database.cash_receipts import CashReceiptDatabase
from coinslot.database.codes import CodeDatabase
from coinslot.database.endpoints import EndpointDatabase
from coinslot.database.going_live import GoingLiveDatabase
from coinslot.database.installation import InstallationDatabase
from coinslot.database.mails import MailDatabase
from coinslot.database.monitoring import MonitoringDatabase
from coinslot.database.operators import OperatorDatabase
from coinslot.database.payments import PaymentDatabase
from coinslot.database.personal_data import PersonalDatabase
from coinslot.database.products import ProductDatabase
from coinslot.database.reconciliation import ReconciliationDatabase
from coinslot.database.refunds import RefundDatabase
from coinslot.database.sealed_secrets import SealedDatabase
from coinslot.database.sellers import SellerDatabase
from coinslot.database.webhooks import WebhookDatabase
from coinslot.errors import DatabaseUnavailable


class ServiceRefused(DatabaseUnavailable):
    """The service key is refused, or lacks a grant. No caller can mend that: to them the database
    is away."""


class ServiceDatabase(
    PaymentDatabase,
    BillingDatabase,
    CashReceiptDatabase,
    WebhookDatabase,
    RefundDatabase,
    OperatorDatabase,
    ProductDatabase,
    CodeDatabase,
    EndpointDatabase,
    MailDatabase,
    SellerDatabase,
    SealedDatabase,
    PersonalDatabase,
    ReconciliationDatabase,
    MonitoringDatabase,
    InstallationDatabase,
    GoingLiveDatabase,
):
    """Every RPC that only the server may call."""

    not_admitted = ServiceRefused
