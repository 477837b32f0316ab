"""Calls to PostgREST, and the meaning of its answers.

A `PTnnn` is a refusal by the database, which clients may read. Any other failure says something
about this deployment: it is logged, and clients learn only that the call failed.

A restart of PostgREST or of Postgres takes a second or two, so a call that finds them away is made
again. Every RPC that moves anything has a key, or is a function of what is there, and may be made
twice. Those in `NOT_REPEATABLE` may not, unless the first call certainly did nothing.
"""

from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx
import structlog
from postgrest import APIError
from postgrest.exceptions import APIErrorFromJSON, generate_default_error_message
from pydantic import ValidationError

from coinslot.database.records import Record
from coinslot.database.rpc_names import NOT_REPEATABLE
from coinslot.errors import (
    CoinslotError,
    DatabaseBusy,
    DatabaseError,
    DatabaseUnavailable,
    InvalidText,
    Unauthorized,
)
from coinslot.jitter import about
from coinslot.traces import span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from postgrest import AsyncPostgrestClient, AsyncSelectRequestBuilder

log = structlog.get_logger(__name__)
R = TypeVar("R", bound=Record)

# Before the second and the third try; each of them half or half as much again, by chance.
_PAUSES = (0.2, 0.8)

# What Postgres and PostgREST say that passes: connections refused or lost, too many of them, a
# schema not read yet, a deadlock or a lock in the way. After the codes in `_UNDONE` it is certain
# that nothing was done.
_PASSING = ("PGRST00", "08", "53", "57P0", "40001")
_UNDONE = {"PGRST002", "PGRST003", "53300", "57P03", "40001"}
_LOCKED = {"40P01", "55P03"}
# Longer than the database allows for such a call. To repeat it would make a busy database busier.
_TOO_SLOW = "57014"

_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")

_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class DatabaseAway(DatabaseUnavailable):
    """Not for long, it seems. `undone`: certainly without having done anything."""

    undone = False


class LockInTheWay(DatabaseAway, DatabaseBusy):
    """Some other call has the wallet or the order, and may be done with it in a moment."""

    undone = True


class RpcMissing(DatabaseUnavailable):
    """PostgREST knows no such RPC with such arguments, or does not know it yet."""


class Caller:
    """Calls as one role. `not_admitted` is what a refused key or JWT means for that role."""

    not_admitted: type[CoinslotError] = Unauthorized

    def __init__(self, client: AsyncPostgrestClient, seconds: float) -> None:
        """`seconds` bound a call with all its tries."""
        self.client = client
        self._seconds = seconds
        self._rpcs = f"{client.base_url}/rpc"
        self._headers = httpx.Headers({**client.headers, "Content-Type": "application/json"})

    async def call(self, rpc: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """An argument that is None is left out, so that the database's default counts."""
        given = {name: value for name, value in arguments.items() if value is not None}
        return await self.call_with(rpc, given)

    async def call_with(self, rpc: str, arguments: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        repeatable = rpc not in NOT_REPEATABLE or "idempotency_key" in arguments
        with span(f"rpc {rpc}"):
            return await self.answer(partial(self._ask, rpc, arguments), repeatable=repeatable)

    async def record(self, model: type[R], rpc: str, **arguments: Any) -> R:  # noqa: ANN401 - JSON
        return model.model_validate(await self.call(rpc, **arguments))

    async def rows(self, query: AsyncSelectRequestBuilder) -> list[Any]:
        async def ask() -> list[Any]:
            return (await query.execute()).data

        return cast("list[Any]", await self.answer(ask))

    async def answer(self, ask: Callable[[], Awaitable[Any]], *, repeatable: bool = True) -> Any:  # noqa: ANN401 - JSON
        """The answer of the first of three tries that brings one. Raises the last try's failure."""
        try:
            async with asyncio.timeout(self._seconds):
                for pause in _PAUSES:
                    try:
                        return await self._once(ask)
                    except DatabaseAway as away:
                        if not (repeatable or away.undone):
                            raise
                    await asyncio.sleep(about(pause, 0.5))
                return await self._once(ask)
        except TimeoutError as error:
            log.warning("database_timeout")
            raise DatabaseUnavailable from error

    async def _ask(self, rpc: str, arguments: dict[str, Any]) -> object:
        """Does what `client.rpc(rpc, arguments).execute()` does, without copying the headers twice.

        They are the same in every call.
        """
        answer = await self.client.session.post(
            f"{self._rpcs}/{rpc}", headers=self._headers, content=_encoded(arguments)
        )
        if answer.is_success:
            return _data(answer)
        raise _api_error(answer)

    async def _once(self, ask: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - JSON
        try:
            return await ask()
        except httpx.TimeoutException as error:
            log.warning("database_timeout", error=repr(error))
            raise DatabaseUnavailable from error
        except httpx.HTTPError as error:
            log.warning("database_unreachable", error=repr(error))
            raise _away(undone=isinstance(error, httpx.ConnectError)) from error
        except APIError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: APIError) -> CoinslotError:
        code, message = error.code or "", error.message or ""
        if code.startswith("PT") and code[2:].isdigit():
            return DatabaseError(code, message, _text(error.details), _text(error.hint))
        log.warning("database_refused", role=type(self).__name__, code=code, message=message)
        # What a gateway in front of PostgREST refuses (a wrong key) comes without PostgREST's code.
        if code in {"", "401", "42501"} or code.startswith("PGRST3"):
            return self.not_admitted()
        kind = RpcMissing if code == "PGRST202" else DatabaseUnavailable
        return kind("The database does not answer as this server expects", code="database_mismatch")


async def require_answer(response: httpx.Response) -> None:
    """Raises where nobody knows whether the call was carried out.

    A 5xx never says that, whatever its body. Nor does a 400 with an empty code: PostgREST answers
    so where its connection to Postgres ended in the middle of a transaction, or after the commit.
    A refusal of PostgREST has a code. An answer without one comes from a proxy before it, which can
    know no more than that a key is wrong.
    """
    status = response.status_code
    if status < 400:
        return
    await response.aread()
    code = _code(response)
    lost = status == 400 and code == ""
    foreign = code is None and status not in {401, 403}
    if status < 500 and not (lost or foreign):
        return
    log.warning("database_error", status=status, body=response.text[:500])
    if code == _TOO_SLOW:
        raise DatabaseBusy
    if code in _LOCKED:
        raise LockInTheWay
    passing = code.startswith(_PASSING) if code else lost or status in {408, 502, 503, 504}
    if passing:
        raise _away(undone=code in _UNDONE)
    raise DatabaseUnavailable


def _encoded(arguments: dict[str, Any]) -> bytes:
    """Raises `InvalidText` for what Postgres would refuse without a word for whoever wrote it."""
    try:
        content = _JSON.encode(arguments).encode()
    except UnicodeEncodeError as error:
        raise InvalidText from error
    # A backslash of the text's own is doubled.
    if b"\\u0000" in content and _NUL.search(content):
        raise InvalidText
    return content


def _data(response: httpx.Response) -> object:
    """JSON, unless somebody before PostgREST answered; an empty list where nothing was said."""
    try:
        return json.loads(response.content)
    except ValueError:
        return response.text or []


def _api_error(response: httpx.Response) -> APIError:
    try:
        return APIError(dict(APIErrorFromJSON.model_validate_json(response.content)))
    except ValidationError:
        return APIError(generate_default_error_message(response))


def _away(*, undone: bool) -> DatabaseAway:
    away = DatabaseAway()
    away.undone = undone
    return away


def _code(response: httpx.Response) -> str | None:
    """PostgREST's; None where somebody before it answered."""
    try:
        body = json.loads(response.content)
    except ValueError:
        return None
    code = body.get("code") if isinstance(body, dict) else None
    return None if code is None else str(code)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
