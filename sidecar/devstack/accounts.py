"""The rows of `auth.users` and `auth.identities`, as Supabase Auth writes them."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from sanic.exceptions import SanicException

from devstack.passwords import hash_password

Row = dict[str, Any]
Connection = AsyncConnection[Row]

SHORTEST_PASSWORD = 6
EMAIL = "email"


class AuthError(SanicException):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message, status_code=status)
        self.code = code


async def create(connection: Connection, body: Row, *, confirm: bool) -> Row:
    """Insert a user, then the identity, then confirm the address. Triggers see it in this order, as
    they do at Supabase."""
    email, password = _credentials(body)
    hashed = await asyncio.to_thread(hash_password, password) if password else None
    user_id = await _insert(connection, body, EMAIL, email, hashed)
    await _identify(connection, user_id, EMAIL, {"sub": str(user_id), "email": email})
    if confirm:
        await _confirm(connection, user_id)
    return await find(connection, user_id)


async def create_external(connection: Connection, provider: str, claims: Row) -> Row:
    """Sign somebody up through another provider, as its callback does. `claims` are what the
    provider tells: `sub`, and maybe `email` and `email_verified`."""
    email = str(claims["email"]).lower() if claims.get("email") else None
    user_id = await _insert(connection, {"data": claims}, provider, email, None)
    await _identify(connection, user_id, provider, claims)
    if email and claims.get("email_verified"):
        await _confirm(connection, user_id)
    return await find(connection, user_id)


async def _identify(connection: Connection, user_id: UUID, provider: str, claims: Row) -> None:
    await connection.execute(
        "insert into auth.identities (provider_id, user_id, identity_data, provider,"
        " last_sign_in_at, created_at, updated_at) values (%s, %s, %s, %s, now(), now(), now())"
        " on conflict (provider_id, provider) do update"
        " set identity_data = excluded.identity_data, updated_at = now()",
        [str(claims["sub"]), user_id, Jsonb(claims), provider],
    )


async def _confirm(connection: Connection, user_id: UUID) -> None:
    await connection.execute(
        "update auth.users set email_confirmed_at = now() where id = %s", [user_id]
    )


async def _insert(
    connection: Connection, body: Row, provider: str, email: str | None, hashed: str | None
) -> UUID:
    metadata = {"provider": provider, "providers": [provider], **(body.get("app_metadata") or {})}
    user_id = uuid4()
    try:
        await connection.execute(
            "insert into auth.users (id, instance_id, aud, role, email, encrypted_password,"
            " raw_app_meta_data, raw_user_meta_data, created_at, updated_at)"
            " values (%s, %s, 'authenticated', 'authenticated', %s, %s, %s, %s, now(), now())",
            [
                *(user_id, UUID(int=0), email, hashed, Jsonb(metadata)),
                Jsonb(body.get("user_metadata") or body.get("data") or {}),
            ],
        )
    except UniqueViolation:
        raise AuthError(422, "user_already_exists", "User already registered") from None
    return user_id


async def create_anonymous(connection: Connection, data: Row) -> Row:
    user_id = uuid4()
    await connection.execute(
        "insert into auth.users (id, instance_id, aud, role, is_anonymous, raw_app_meta_data,"
        " raw_user_meta_data, created_at, updated_at)"
        " values (%s, %s, 'authenticated', 'authenticated', true, '{}', %s, now(), now())",
        [user_id, UUID(int=0), Jsonb(data)],
    )
    return await find(connection, user_id)


async def update(connection: Connection, user_id: UUID, body: Row) -> Row:
    """Merge the metadata. An anonymous person who gives an address becomes a permanent one."""
    email, password = _credentials({"email": "unchanged@", **body})
    hashed = await asyncio.to_thread(hash_password, password) if password else None
    try:
        await connection.execute(
            "update auth.users set updated_at = now(),"
            " email = coalesce(%(email)s, email),"
            " email_confirmed_at = case when %(email)s is null then email_confirmed_at"
            "   else now() end,"
            " is_anonymous = is_anonymous and %(email)s is null,"
            " encrypted_password = coalesce(%(hash)s, encrypted_password),"
            " raw_user_meta_data = raw_user_meta_data || %(data)s,"
            " raw_app_meta_data = raw_app_meta_data || %(app)s where id = %(id)s",
            {
                "id": user_id,
                "email": email if body.get("email") else None,
                "hash": hashed,
                "data": Jsonb(body.get("user_metadata") or body.get("data") or {}),
                "app": Jsonb(body.get("app_metadata") or {}),
            },
        )
    except UniqueViolation:
        raise AuthError(422, "email_exists", "Email address already registered") from None
    if body.get("email"):
        await _identify(connection, user_id, EMAIL, {"sub": str(user_id), "email": email})
    return await find(connection, user_id)


async def soft_delete(connection: Connection, user: Row) -> None:
    """Delete everything that identifies the person, and keep the row, as Supabase does."""
    await connection.execute("delete from auth.sessions where user_id = %s", [user["id"]])
    await connection.execute(
        "update auth.users set deleted_at = now(), email = %s, phone = null,"
        " encrypted_password = null, raw_user_meta_data = '{}', raw_app_meta_data = '{}'"
        " where id = %s",
        [_obscured(user["id"], user["email"]) if user["email"] else None, user["id"]],
    )
    cursor = await connection.execute(
        "select id, provider, provider_id from auth.identities where user_id = %s", [user["id"]]
    )
    for identity in await cursor.fetchall():
        name = f"{identity['provider']}:{identity['provider_id']}"
        await connection.execute(
            "update auth.identities set identity_data = '{}', provider_id = %s where id = %s",
            [_obscured(user["id"], name), identity["id"]],
        )


def _obscured(user_id: UUID, value: str) -> str:
    return urlsafe_b64encode(sha256(f"{user_id}{value}".encode()).digest()).decode()


async def find(connection: Connection, user_id: UUID) -> Row:
    user = await one(connection, "select * from auth.users where id = %s", user_id)
    if user is None:
        raise AuthError(404, "user_not_found", "User not found")
    return user


async def one(connection: Connection, query: str, *parameters: object) -> Row | None:
    cursor = await connection.execute(query.encode(), parameters)
    return await cursor.fetchone()


def _credentials(body: Row) -> tuple[str, str | None]:
    email, password = body.get("email"), body.get("password")
    if not isinstance(email, str) or "@" not in email:
        raise AuthError(
            400, "validation_failed", "Unable to validate email address: invalid format"
        )
    if password is not None and len(str(password)) < SHORTEST_PASSWORD:
        message = f"Password should be at least {SHORTEST_PASSWORD} characters."
        raise AuthError(422, "weak_password", message)
    return email.lower(), password and str(password)


def public(user: Row) -> Row:
    """The user as the API shows it."""
    times = ("email_confirmed_at", "confirmed_at", "last_sign_in_at", "created_at", "updated_at")
    return {
        "id": str(user["id"]),
        "aud": user["aud"],
        "role": user["role"],
        "email": user["email"] or "",
        "phone": user["phone"] or "",
        "app_metadata": user["raw_app_meta_data"] or {},
        "user_metadata": user["raw_user_meta_data"] or {},
        "identities": [],
        "is_anonymous": user["is_anonymous"],
        **{name: user[name].isoformat() for name in times if user[name]},
        **({"deleted_at": user["deleted_at"].isoformat()} if user["deleted_at"] else {}),
    }
