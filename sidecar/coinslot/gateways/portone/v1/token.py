"""PortOne V1's access token: good for 30 minutes, fetched by one request for everybody waiting."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog
from pydantic import BaseModel, ValidationError

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.http import json_object, nonsense

if TYPE_CHECKING:
    from coinslot.gateways.http import GatewayHttp

log = structlog.get_logger(__name__)

# Within its last minute PortOne would rather extend a token than issue a new one.
_MARGIN_SECONDS = 60


class _Issued(BaseModel):
    access_token: str
    now: int
    expired_at: int


class TokenCache:
    """Hands out the `Authorization` header. Lifetimes run on this machine's monotonic clock from
    the difference of the gateway's own two times, so that neither clock needs to be right."""

    def __init__(self, http: GatewayHttp, key: str, secret: str) -> None:
        self._http = http
        self._credentials = {"imp_key": key, "imp_secret": secret}
        self._fetching: asyncio.Task[str] | None = None
        self._bearer = ""
        self._good_until = 0.0

    async def bearer(self) -> str:
        if time.monotonic() < self._good_until:
            return self._bearer
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._fetched)
        # A caller that gives up must not end the call that others wait for.
        return await asyncio.shield(self._fetching)

    def forget(self, bearer: str) -> None:
        """After a 401. Only the token that was refused: another request may have a newer one."""
        if bearer == self._bearer:
            self._good_until = 0.0

    def _fetched(self, task: asyncio.Task[str]) -> None:
        self._fetching = None
        if not task.cancelled():
            task.exception()  # it may be that nobody waited for it to the end

    async def _fetch(self) -> str:
        response = await self._http.request(
            "POST", "/users/getToken", repeatable=True, json=self._credentials
        )
        envelope = json_object(response)
        if response.status_code != 200 or envelope.get("code") != 0:
            log.error("gateway_rejected_keys", gateway="portone", status=response.status_code)
            raise GatewayUnavailable(
                "The payment gateway does not accept this server's keys",
                code="gateway_rejected_keys",
            )
        try:
            issued = _Issued.model_validate(envelope.get("response"))
        except ValidationError as error:
            raise nonsense("token does not parse") from error
        self._bearer = f"Bearer {issued.access_token}"
        lifetime = issued.expired_at - issued.now - _MARGIN_SECONDS
        self._good_until = time.monotonic() + max(lifetime, 0)
        return self._bearer
