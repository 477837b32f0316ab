"""Calls to PostgREST, and what its answers mean.

A `PTnnn` is a refusal that the database chose and clients may read. Everything else that is not a
success says something about this deployment: it is logged, and clients learn only that it failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx
import structlog
from postgrest import APIError

from sidecar.errors import ApiError, DatabaseError, DatabaseUnavailable, Unauthorized
from sidecar.records import Record

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from postgrest import AsyncPostgrestClient

log = structlog.get_logger(__name__)
R = TypeVar("R", bound=Record)


class Caller:
    """Calls as one role. `not_admitted` is what a refused key or JWT means for that role."""

    not_admitted: type[ApiError] = Unauthorized

    def __init__(self, client: AsyncPostgrestClient) -> None:
        self.client = client

    async def call(self, rpc: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """An argument that is None is left out, so that the database's default counts."""
        given = {name: value for name, value in arguments.items() if value is not None}
        return await self.call_with(rpc, given)

    async def call_with(self, rpc: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        return await self.answer(self.client.rpc(rpc, cast("dict[str, str]", arguments)).execute())

    async def record(self, model: type[R], rpc: str, **arguments: Any) -> R:  # noqa: ANN401 - JSON
        return model.model_validate(await self.call(rpc, **arguments))

    async def answer(self, query: Awaitable[Any]) -> Any:  # noqa: ANN401 - JSON
        try:
            return (await query).data
        except httpx.HTTPError as error:
            log.warning("database_unreachable", error=repr(error))
            raise DatabaseUnavailable from error
        except APIError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: APIError) -> ApiError:
        code, message = error.code or "", error.message or ""
        if code.startswith("PT") and code[2:].isdigit():
            return DatabaseError(code, message, _text(error.details), _text(error.hint))
        log.warning("database_refused", role=type(self).__name__, code=code, message=message)
        # What a gateway in front of PostgREST refuses (a wrong key) comes without PostgREST's code.
        if code in {"", "401", "42501"} or code.startswith("PGRST3"):
            return self.not_admitted()
        return DatabaseUnavailable(
            "The database does not answer as this server expects", code="database_mismatch"
        )


async def raise_for_server_error(response: httpx.Response) -> None:
    """A 5xx says nothing about what was done, whatever its body: never a refusal."""
    if response.status_code < 500:
        return
    await response.aread()
    log.warning("database_error", status=response.status_code, body=response.text[:500])
    raise DatabaseUnavailable


def _text(value: object) -> str | None:
    return None if value is None else str(value)
