"""Signed-in users who ask over HTTP: the ids that `people.sql` gives, and JWTs for them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID

from devstack.keys import ApiKeys


@dataclass(frozen=True)
class SignedIn:
    id: str
    headers: dict[str, str]
    """Of their requests, to PostgREST itself or by way of the API gateway."""


def person(keys: ApiKeys, user_id: str) -> SignedIn:
    claims = {"sub": user_id, "role": "authenticated", "exp": keys.expire_at}
    return SignedIn(user_id, {"apikey": keys.anon, "Authorization": f"Bearer {keys.sign(claims)}"})


def numbered(keys: ApiKeys, count: int) -> list[SignedIn]:
    return [person(keys, user_id(str(number))) for number in range(1, count + 1)]


def user_id(name: str) -> str:
    """As Postgres makes one of an MD5."""
    return str(UUID(hashlib.md5(f"bench {name}".encode()).hexdigest()))  # noqa: S324 - no secret
