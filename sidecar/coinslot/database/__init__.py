"""The database over PostgREST: one async method for each RPC that this program calls.

`Database.as_user(jwt)` forwards the caller's JWT, so that Postgres decides who that is.
`Database.as_service()` acts with the service key. Both share one pool of HTTP connections.
Raises `DatabaseError` (a refusal, with its code), `Unauthorized` or `DatabaseUnavailable`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from postgrest import AsyncPostgrestClient

from coinslot.database.anonymous import AnonymousDatabase
from coinslot.database.caller import require_answer
from coinslot.database.service import ServiceDatabase
from coinslot.database.user import UserDatabase
from coinslot.http_client import HttpClient

if TYPE_CHECKING:
    from coinslot.settings.deployment import Settings

# Longer than the database, and what stands before it, allow any of its calls.
_PATIENT_SECONDS = 65.0


class Database:
    """The pools of connections; `async with` closes them."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"{settings.supabase_url}/rest/v1"
        self._anon_key = settings.supabase_anon_key.get_secret_value()
        self._seconds = settings.coinslot_database_timeout
        self._http, self._patient_http = _pool(self._seconds), _pool(_PATIENT_SECONDS)
        # A secret key is no JWT. As Bearer it counts because it equals the apikey.
        key = settings.supabase_service_role_key.get_secret_value()
        self._service = ServiceDatabase(self._client(key, key, self._http), self._seconds)
        self._patient_service = ServiceDatabase(
            self._client(key, key, self._patient_http), _PATIENT_SECONDS
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()
        await self._patient_http.aclose()

    def as_user(self, token: str) -> UserDatabase:
        return UserDatabase(self._client(self._anon_key, token, self._http), self._seconds)

    def as_anonymous(self) -> AnonymousDatabase:
        client = self._client(self._anon_key, self._anon_key, self._http)
        return AnonymousDatabase(client, self._seconds)

    def as_service(self) -> ServiceDatabase:
        return self._service

    def as_patient_service(self) -> ServiceDatabase:
        """For calls that take up to a minute and that nobody waits for."""
        return self._patient_service

    def _client(self, key: str, token: str, http: HttpClient) -> AsyncPostgrestClient:
        return AsyncPostgrestClient(
            self._url,
            headers={"apikey": key, "Authorization": f"Bearer {token}"},
            http_client=http,
            # The library's own retries sleep for seconds while a buyer waits.
            retry_enabled=False,
        )


def _pool(seconds: float) -> HttpClient:
    return HttpClient(timeout=seconds, event_hooks={"response": [require_answer]})
