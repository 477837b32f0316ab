"""The two keys of a Supabase project, told apart by what they say of themselves.

Only to find keys that are in the wrong place. Nothing is trusted because of it.
"""

from __future__ import annotations

import re
import time
from typing import Any

import jwt

# The Supabase CLI signs the keys of every local project with this, and Supabase's documentation
# prints it: a service key made with it opens a database to anyone.
WELL_KNOWN_JWT_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"  # noqa: S105

_HOSTED = re.compile(r"https://(?P<ref>[a-z]{20})\.supabase\.co")

_PUBLIC, _SECRET = "SUPABASE_ANON_KEY", "SUPABASE_SERVICE_ROLE_KEY"
_EXPECTED = {
    _PUBLIC: "the anon JWT or a publishable key (sb_publishable_…)",
    _SECRET: "the service_role JWT or a secret key (sb_secret_…)",
}


def problems(url: str, anon: str, service: str) -> list[str]:
    """One sentence for each key that cannot be right. None quotes any part of a key."""
    found = []
    if anon.startswith("sb_secret_") or _claims(anon).get("role") == "service_role":
        found.append(f"{_PUBLIC} holds a secret key: set the anon or publishable one")
    if service.startswith("sb_publishable_") or _claims(service).get("role") in {
        "anon",
        "authenticated",
    }:
        found.append(f"{_SECRET} holds a public key: set the service_role or secret one")
    for name, key in ((_PUBLIC, anon), (_SECRET, service)):
        found += _own_problems(name, key, url)
    return found


def anybody_can_sign(key: str) -> bool:
    """True for a key made with Supabase's published local secret."""
    try:
        jwt.decode(
            key,
            WELL_KNOWN_JWT_SECRET,
            algorithms=["HS256"],
            options={"verify_exp": False, "verify_aud": False},
        )
    except jwt.InvalidTokenError:
        return False
    return True


def _own_problems(name: str, key: str, url: str) -> list[str]:
    claims = _claims(key)
    if not claims and not key.startswith(("sb_publishable_", "sb_secret_")):
        return [f"{name} is no key of Supabase: set {_EXPECTED[name]}"]
    hosted, expires = _HOSTED.fullmatch(url), claims.get("exp")
    if hosted and claims.get("ref", hosted["ref"]) != hosted["ref"]:
        return [f"{name} is of another project than SUPABASE_URL: take both from one"]
    if isinstance(expires, int | float) and expires < time.time():
        return [f"{name} has expired: make a new key in your project"]
    return []


def _claims(key: str) -> dict[str, Any]:
    """Those of a legacy key; none where it is no JWT."""
    try:
        claims = jwt.decode(key, options={"verify_signature": False, "verify_exp": False})
    except jwt.InvalidTokenError:
        return {}
    return dict(claims)
