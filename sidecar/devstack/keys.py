"""The API keys of the local project, and the JWTs of its users."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jwt

ACCESS_TOKEN_SECONDS = 3600
LOCAL_JWT_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"  # noqa: S105
"""The one with which the Supabase CLI signs the keys of every local project."""


class _Unescaped(json.JSONEncoder):
    """JSON with names in UTF-8, as Supabase Auth writes them: half as long as escaped."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - whatever json.dumps passes on
        super().__init__(**{**options, "ensure_ascii": False})


@dataclass(frozen=True)
class ApiKeys:
    """Both generations of keys. All follow from one secret."""

    jwt_secret: str
    expire_at: int = 1983812996
    """The expiry of the Supabase CLI's local keys, in 2032."""

    @cached_property
    def anon(self) -> str:
        return self._role_key("anon")

    @cached_property
    def service_role(self) -> str:
        return self._role_key("service_role")

    @cached_property
    def publishable(self) -> str:
        return f"sb_publishable_{self._digest('publishable')}"

    @cached_property
    def secret(self) -> str:
        return f"sb_secret_{self._digest('secret')}"

    @property
    def published(self) -> tuple[str, ...]:
        """The keys that people are given."""
        return self.anon, self.publishable, self.service_role, self.secret

    def authorization(self, apikey: str, sent: str) -> str | None:
        """The header Authorization for PostgREST; None for a request that is refused.

        `sent` is the header as it was sent. As hosted, the API key says which project and role,
        and a token beside it says who.
        """
        role, bearer = self.role_of(apikey), _bearer(sent)
        if role is None or (bearer.startswith("sb_") and bearer != apikey):
            return None
        if bearer and bearer != apikey:
            return sent
        if _is_jwt(apikey):
            return f"Bearer {apikey}"
        return f"Bearer {self.service_role if role == 'service_role' else self.anon}"

    def role_of(self, apikey: str) -> str | None:
        """The database role an API key stands for; None for a key that is none of ours."""
        known = {
            self.anon: "anon",
            self.publishable: "anon",
            self.service_role: "service_role",
            self.secret: "service_role",
        }
        return known.get(apikey) or self._role_in(apikey)

    def sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.jwt_secret, algorithm="HS256", json_encoder=_Unescaped)

    def verify(self, token: str) -> dict[str, Any] | None:
        """The claims of a token of ours that has not expired."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self.jwt_secret, algorithms=["HS256"], options={"verify_aud": False}
            )
        except jwt.InvalidTokenError:
            return None
        return claims

    def _role_key(self, role: str) -> str:
        return self.sign({"iss": "supabase-demo", "role": role, "exp": self.expire_at})

    def _role_in(self, apikey: str) -> str | None:
        # A key that somebody else signed with the same secret, as `supabase gen bearer-jwt` does.
        role = (self.verify(apikey) or {}).get("role")
        return role if role in {"anon", "service_role"} else None

    def _digest(self, purpose: str) -> str:
        return hmac.new(self.jwt_secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()[:32]


def _bearer(authorization: str) -> str:
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_jwt(key: str) -> bool:
    return "." in key


def user_claims(user: dict[str, Any], session_id: str, issuer: str) -> dict[str, Any]:
    """The claims of Supabase Auth for a row of `auth.users`."""
    now = int(time.time())
    return {
        "iss": issuer,
        "sub": str(user["id"]),
        "aud": user["aud"],
        "role": user["role"],
        "email": user["email"] or "",
        "phone": user["phone"] or "",
        "iat": now,
        "exp": now + ACCESS_TOKEN_SECONDS,
        "session_id": session_id,
        "aal": "aal1",
        "app_metadata": user["raw_app_meta_data"],
        "user_metadata": user["raw_user_meta_data"],
        "is_anonymous": user["is_anonymous"],
    }
