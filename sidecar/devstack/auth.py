"""A stand-in for Supabase Auth: enough of it for unmodified client libraries, on real tables.

E-mail addresses count as confirmed at once, as on a local Supabase. There is no mail, no phone, no
second factor. Other providers are played: whoever has the service key says what one of them tells.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from sanic import Blueprint, HTTPResponse, Request
from sanic.exceptions import BadRequest
from sanic.response import json

from devstack import accounts
from devstack.accounts import AuthError, Connection, Row
from devstack.keys import ACCESS_TOKEN_SECONDS, user_claims
from devstack.passwords import password_matches

# Clients read `code` from an error's body only if told that this is the API's version.
_API_VERSION = {"x-supabase-api-version": "2024-01-01"}

blueprint = Blueprint("auth", url_prefix="/auth/v1")


@blueprint.exception(AuthError)  # type: ignore[untyped-decorator]
async def answer_error(_request: Request, error: AuthError) -> HTTPResponse:
    body = {"code": error.code, "message": str(error)}
    return json(body, status=error.status_code, headers=_API_VERSION)


@blueprint.get("/.well-known/jwks.json")
async def key_set(request: Request) -> HTTPResponse:
    return json(request.app.ctx.keys.key_set)


@blueprint.post("/signup")
async def sign_up(request: Request) -> HTTPResponse:
    body = _own_words(request)
    async with _transaction(request) as connection:
        if body.get("email") or body.get("password"):
            user = await accounts.create(connection, body, confirm=True)
        else:
            user = await accounts.create_anonymous(connection, body.get("data") or {})
        return json(await _open_session(request, connection, user))


@blueprint.post("/_external/<provider>")
async def sign_up_externally(request: Request, provider: str) -> HTTPResponse:
    """Sign somebody up as a provider such as Kakao would; the body is what it tells of them."""
    _require_service(request)
    claims = _body(request)
    if not claims.get("sub"):
        raise AuthError(400, "validation_failed", "sub is missing")
    async with _transaction(request) as connection:
        user = await accounts.create_external(connection, provider, claims)
        return json(await _open_session(request, connection, user))


@blueprint.post("/token")
async def token(request: Request) -> HTTPResponse:
    grants = {"password": _by_password, "refresh_token": _by_refresh_token}
    grant = grants.get(request.args.get("grant_type", ""))
    if grant is None:
        raise AuthError(400, "validation_failed", "unsupported grant_type")
    return await grant(request)


@blueprint.get("/user")
async def get_user(request: Request) -> HTTPResponse:
    async with _transaction(request) as connection:
        user, _ = await _signed_in(request, connection)
        return json(accounts.public(user))


@blueprint.put("/user")
async def update_user(request: Request) -> HTTPResponse:
    async with _transaction(request) as connection:
        user, _ = await _signed_in(request, connection)
        user = await accounts.update(connection, user["id"], _own_words(request))
        return json(accounts.public(user))


@blueprint.post("/logout")
async def sign_out(request: Request) -> HTTPResponse:
    scope = request.args.get("scope", "global")
    async with _transaction(request) as connection:
        user, session_id = await _signed_in(request, connection)
        await connection.execute(
            "delete from auth.sessions where user_id = %(user)s and case %(scope)s"
            " when 'local' then id = %(session)s when 'others' then id <> %(session)s"
            " else true end",
            {"user": user["id"], "session": session_id, "scope": scope},
        )
    return HTTPResponse(status=204)


@blueprint.post("/admin/users")
async def create_user(request: Request) -> HTTPResponse:
    _require_service(request)
    body = _body(request)
    async with _transaction(request) as connection:
        user = await accounts.create(connection, body, confirm=bool(body.get("email_confirm")))
        return json(accounts.public(user))


@blueprint.get("/admin/users/<user_id:uuid>")
async def read_user(request: Request, user_id: UUID) -> HTTPResponse:
    _require_service(request)
    async with _transaction(request) as connection:
        return json(accounts.public(await accounts.find(connection, user_id)))


@blueprint.put("/admin/users/<user_id:uuid>")
async def change_user(request: Request, user_id: UUID) -> HTTPResponse:
    _require_service(request)
    async with _transaction(request) as connection:
        await accounts.find(connection, user_id)
        user = await accounts.update(connection, user_id, _body(request))
        return json(accounts.public(user))


@blueprint.delete("/admin/users/<user_id:uuid>")
async def delete_user(request: Request, user_id: UUID) -> HTTPResponse:
    _require_service(request)
    async with _transaction(request) as connection:
        user = await accounts.find(connection, user_id)
        if _body(request).get("should_soft_delete"):
            await accounts.soft_delete(connection, user)
        else:
            await connection.execute("delete from auth.users where id = %s", [user_id])
    return json({})


async def _by_password(request: Request) -> HTTPResponse:
    body = _body(request)
    async with _transaction(request) as connection:
        user = await accounts.one(
            connection,
            "select * from auth.users where email = %s and deleted_at is null",
            str(body.get("email", "")).lower(),
        )
        stored = user["encrypted_password"] if user else None
        matches = await asyncio.to_thread(password_matches, str(body.get("password", "")), stored)
        if user is None or not matches:
            raise AuthError(400, "invalid_credentials", "Invalid login credentials")
        if user["confirmed_at"] is None:
            raise AuthError(400, "email_not_confirmed", "Email not confirmed")
        return json(await _open_session(request, connection, user))


async def _by_refresh_token(request: Request) -> HTTPResponse:
    async with _transaction(request) as connection:
        used = await accounts.one(
            connection,
            "update auth.refresh_tokens set revoked = true"
            " where token = %s and not revoked returning user_id, session_id",
            str(_body(request).get("refresh_token", "")),
        )
        if used is None:
            message = "Invalid Refresh Token: Refresh Token Not Found"
            raise AuthError(400, "refresh_token_not_found", message)
        user = await accounts.find(connection, UUID(used["user_id"]))
        return json(await _issue(request, connection, user, used["session_id"]))


async def _open_session(request: Request, connection: Connection, user: Row) -> Row:
    session_id = uuid4()
    await connection.execute(
        "insert into auth.sessions (id, user_id, created_at, updated_at)"
        " values (%s, %s, now(), now())",
        [session_id, user["id"]],
    )
    await connection.execute(
        "update auth.users set last_sign_in_at = now() where id = %s", [user["id"]]
    )
    return await _issue(request, connection, user, session_id)


async def _issue(request: Request, connection: Connection, user: Row, session_id: UUID) -> Row:
    refresh_token = secrets.token_urlsafe(16)
    await connection.execute(
        "insert into auth.refresh_tokens (token, user_id, session_id) values (%s, %s, %s)",
        [refresh_token, str(user["id"]), session_id],
    )
    claims = user_claims(user, str(session_id), f"{request.scheme}://{request.host}/auth/v1")
    return {
        "access_token": request.app.ctx.keys.sign(claims),
        "token_type": "bearer",
        "expires_in": ACCESS_TOKEN_SECONDS,
        "expires_at": int(time.time()) + ACCESS_TOKEN_SECONDS,
        "refresh_token": refresh_token,
        "user": accounts.public(user),
    }


async def _signed_in(request: Request, connection: Connection) -> tuple[Row, str | None]:
    """The user of the JWT, and the session if the JWT belongs to one."""
    _, _, bearer = (request.headers.get("authorization") or "").partition(" ")
    claims = request.app.ctx.keys.verify(bearer) or {}
    if "sub" not in claims:
        raise AuthError(403, "bad_jwt", "invalid JWT: unable to parse or verify signature")
    session_id = claims.get("session_id")
    if session_id and not await accounts.one(
        connection, "select id from auth.sessions where id = %s", session_id
    ):
        message = "Session from session_id claim in JWT does not exist"
        raise AuthError(403, "session_not_found", message)
    return await accounts.find(connection, UUID(claims["sub"])), session_id


@asynccontextmanager
async def _transaction(request: Request) -> AsyncIterator[Connection]:
    async with request.app.ctx.pool.connection() as connection:
        yield connection


def _body(request: Request) -> Row:
    try:
        body = request.json
    except BadRequest:
        body = None if request.body else {}
    if body is None and not request.body:
        body = {}
    if not isinstance(body, dict):
        raise AuthError(400, "bad_json", "Could not parse request body as JSON")
    return body


def _own_words(request: Request) -> Row:
    """The body without what people may not say of themselves: what an app calls them."""
    return {name: value for name, value in _body(request).items() if name != "app_metadata"}


def _require_service(request: Request) -> None:
    claims = request.app.ctx.keys.verify(request.ctx.authorization.partition(" ")[2]) or {}
    if claims.get("role") != "service_role":
        raise AuthError(403, "not_admin", "User not allowed")
