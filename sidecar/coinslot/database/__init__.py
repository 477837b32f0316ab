"""The database as the sidecar sees it: one async method per RPC, over PostgREST.

`Database.as_user(jwt)` forwards the caller's JWT, so that Postgres decides who that is;
`Database.as_service()` acts with the service key. Both share one pool of HTTP connections.
Raises `DatabaseError` (a refusal, with its code), `Unauthorized` or `DatabaseUnavailable`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from postgrest import AsyncPostgrestClient

from coinslot.database.monitoring import MonitoringDatabase
from coinslot.database.reconciliation import ReconcilingDatabase
from coinslot.database.records import (
    Applied,
    HoldReceipt,
    Offer,
    Payment,
    RefundRecord,
    TokenReceipt,
)
from coinslot.database.refunds import RefundDatabase, RefundRequest
from coinslot.database.rpc import Caller, require_answer
from coinslot.database.webhooks import WebhookDatabase
from coinslot.errors import DatabaseUnavailable
from coinslot.http_client import HttpClient
from coinslot.metrics import PAYMENTS

if TYPE_CHECKING:
    from coinslot.settings.deployment import Settings

JsonObject = dict[str, Any]

# Beyond what the database and what stands before it allow the longest of its calls.
_SECONDS_OF_PATIENCE = 65.0


class Database:
    """The shared pool; `async with` opens and closes it."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"{settings.supabase_url}/rest/v1"
        self._anon_key = settings.supabase_anon_key.get_secret_value()
        service_key = settings.supabase_service_role_key.get_secret_value()
        self._seconds = settings.coinslot_database_timeout
        self._http, self._patient_http = _pool(self._seconds), _pool(_SECONDS_OF_PATIENCE)
        # A secret key is no JWT; as Bearer it counts because it equals the apikey.
        self._service = ServiceDatabase(self._client(service_key, service_key), self._seconds)
        self._patient_service = ServiceDatabase(
            self._client(service_key, service_key, self._patient_http), _SECONDS_OF_PATIENCE
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()
        await self._patient_http.aclose()

    def as_user(self, token: str) -> UserDatabase:
        return UserDatabase(self._client(self._anon_key, token), self._seconds)

    def as_service(self) -> ServiceDatabase:
        return self._service

    def as_patient_service(self) -> ServiceDatabase:
        """For what takes the database up to a minute, and nobody waits for."""
        return self._patient_service

    def _client(self, key: str, token: str, http: HttpClient | None = None) -> AsyncPostgrestClient:
        return AsyncPostgrestClient(
            self._url,
            headers={"apikey": key, "Authorization": f"Bearer {token}"},
            http_client=http or self._http,
            # Its retries sleep for seconds while a buyer waits.
            retry_enabled=False,
        )


def _pool(seconds: float) -> HttpClient:
    return HttpClient(timeout=seconds, event_hooks={"response": [require_answer]})


class UserDatabase(Caller):
    """What a signed-in person may do; Postgres takes who they are from their JWT."""

    async def get_user_tokens(self) -> int:
        return int(await self.call("get_user_tokens"))

    async def spend_tokens(
        self,
        amount: int,
        idempotency_key: str,
        reason: str = "",
        metadata: JsonObject | None = None,
    ) -> TokenReceipt:
        return await self.record(
            TokenReceipt,
            "spend_tokens",
            amount=amount,
            idempotency_key=idempotency_key,
            reason=reason,
            metadata=metadata,
        )

    async def use_feature(
        self, feature: str, idempotency_key: str, metadata: JsonObject | None = None
    ) -> TokenReceipt:
        return await self.record(
            TokenReceipt,
            "use_feature",
            feature=feature,
            idempotency_key=idempotency_key,
            metadata=metadata,
        )

    async def create_order(
        self,
        product_id: str,
        gateway: str,
        currency: str = "KRW",
        idempotency_key: str | None = None,
    ) -> Payment:
        return await self.record(
            Payment,
            "create_order",
            product_id=product_id,
            gateway=gateway,
            currency=currency,
            idempotency_key=idempotency_key,
        )

    async def cancel_order(self, order_id: str) -> Payment:
        return await self.record(Payment, "cancel_order", order_id=order_id)

    async def request_refund(self, order_id: str, request: RefundRequest) -> RefundRecord:
        """For administrators; `forbidden` for anybody else."""
        return await self.record(RefundRecord, "request_refund", **request.arguments(order_id))

    async def offers(self, currency: str) -> list[Offer]:
        """What is on sale in this currency."""
        query = self.client.from_("product_offers").select("*").eq("currency", currency)
        return [Offer.model_validate(row) for row in await self.rows(query)]

    async def payment(self, order_id: str) -> Payment | None:
        """The user's own order; another's is as absent as one that does not exist."""
        query = self.client.from_("payments").select("*").eq("order_id", order_id)
        rows = await self.rows(query)
        return Payment.model_validate(rows[0]) if rows else None

    async def payments(self, limit: int, before: tuple[str, str] | None = None) -> list[Payment]:
        """Newest first, from the (created_at, id) after which the page before ended."""
        query = self.client.from_("payments").select("*")
        if before is not None:
            at, key = before
            query = query.or_(f'created_at.lt."{at}",and(created_at.eq."{at}",id.lt."{key}")')
        page = query.order("created_at", desc=True).order("id", desc=True).limit(limit)
        return [Payment.model_validate(row) for row in await self.rows(page)]


class ServiceDatabase(WebhookDatabase, RefundDatabase, ReconcilingDatabase, MonitoringDatabase):
    """What only the server may do."""

    # No caller can mend a service key that is refused: to them the database is not there.
    not_admitted = DatabaseUnavailable

    async def add_tokens(
        self,
        user_id: str,
        amount: int,
        idempotency_key: str,
        reason: str = "",
        kind: str = "grant",
    ) -> TokenReceipt:
        return await self.record(
            TokenReceipt,
            "add_tokens",
            user_id=user_id,
            amount=amount,
            idempotency_key=idempotency_key,
            reason=reason,
            kind=kind,
        )

    async def spend_tokens_for(
        self,
        user_id: str,
        amount: int,
        idempotency_key: str,
        reason: str = "",
        metadata: JsonObject | None = None,
    ) -> TokenReceipt:
        return await self.record(
            TokenReceipt,
            "spend_tokens_for",
            user_id=user_id,
            amount=amount,
            idempotency_key=idempotency_key,
            reason=reason,
            metadata=metadata,
        )

    async def use_feature_for(
        self,
        user_id: str,
        feature: str,
        idempotency_key: str,
        metadata: JsonObject | None = None,
    ) -> TokenReceipt:
        return await self.record(
            TokenReceipt,
            "use_feature_for",
            user_id=user_id,
            feature=feature,
            idempotency_key=idempotency_key,
            metadata=metadata,
        )

    async def hold_tokens_for(
        self,
        user_id: str,
        amount: int,
        idempotency_key: str,
        reason: str = "",
        ttl_seconds: int = 600,
    ) -> HoldReceipt:
        return await self.record(
            HoldReceipt,
            "hold_tokens_for",
            user_id=user_id,
            amount=amount,
            idempotency_key=idempotency_key,
            reason=reason,
            ttl_seconds=ttl_seconds,
        )

    async def hold_feature_for(
        self, user_id: str, feature: str, idempotency_key: str, ttl_seconds: int = 600
    ) -> HoldReceipt:
        return await self.record(
            HoldReceipt,
            "hold_feature_for",
            user_id=user_id,
            feature=feature,
            idempotency_key=idempotency_key,
            ttl_seconds=ttl_seconds,
        )

    async def capture_hold(self, hold_id: str, amount: int | None = None) -> TokenReceipt:
        return await self.record(TokenReceipt, "capture_hold", hold_id=hold_id, amount=amount)

    async def release_hold(self, hold_id: str) -> HoldReceipt:
        return await self.record(HoldReceipt, "release_hold", hold_id=hold_id)

    async def open_payment(self, order_id: str) -> Payment:
        return await self.record(Payment, "open_payment", order_id=order_id)

    async def apply_gateway_payment(
        self,
        order_id: str,
        gateway: str,
        source: str,
        version: int,
        fact: JsonObject,
        *,
        webhook_id: int | None = None,
    ) -> Applied:
        """`fact` holds the remaining parameters: what one fresh read of the gateway said. The
        webhook that led to the read is finished in the same transaction."""
        applied = await self.record(
            Applied,
            "apply_gateway_payment",
            order_id=order_id,
            gateway=gateway,
            source=source,
            version=version,
            webhook_id=webhook_id,
            **fact,
        )
        status = applied.payment.status if applied.payment else "none"
        PAYMENTS.labels(gateway, applied.outcome, status).inc()
        return applied

    async def refuse_payment_attempt(
        self, order_id: str, payment_key: str, reason: str, source: str
    ) -> None:
        await self.call(
            "refuse_payment_attempt",
            order_id=order_id,
            payment_key=payment_key,
            reason=reason,
            source=source,
        )
