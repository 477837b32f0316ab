"""The API keys of the local project, and the JWTs of its users."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

ACCESS_TOKEN_SECONDS = 3600
LOCAL_JWT_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long"  # noqa: S105
"""The one with which the Supabase CLI signs the keys of every local project."""


class _Unescaped(json.JSONEncoder):
    """JSON with names in UTF-8, as Supabase Auth writes them: half as long as escaped."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - whatever json.dumps passes on
        super().__init__(**{**options, "ensure_ascii": False})


@dataclass(frozen=True)
class ApiKeys:
    """Both generations of keys. All follow from one secret.

    `asymmetric`: people's JWTs are signed with ES256, as in a project that moved to signing keys.
    """

    jwt_secret: str
    asymmetric: bool = False
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
        if not self.asymmetric:
            return self._sign_with_secret(claims)
        headers = {"kid": self._key_id}
        return jwt.encode(
            claims, self._signing_key, algorithm="ES256", headers=headers, json_encoder=_Unescaped
        )

    def verify(self, token: str) -> dict[str, Any] | None:
        """The claims of a token of ours that has not expired."""
        options: Any = {"verify_aud": False}
        try:
            if jwt.get_unverified_header(token).get("alg") == "ES256" and self.asymmetric:
                key = self._signing_key.public_key()
                return dict(jwt.decode(token, key, algorithms=["ES256"], options=options))
            return dict(jwt.decode(token, self.jwt_secret, algorithms=["HS256"], options=options))
        except jwt.InvalidTokenError:
            return None

    @property
    def key_set(self) -> dict[str, Any]:
        """The public keys, as `/auth/v1/.well-known/jwks.json` shows them."""
        if not self.asymmetric:
            return {"keys": []}
        key = ECAlgorithm.to_jwk(self._signing_key.public_key(), as_dict=True)
        return {"keys": [{**key, "kid": self._key_id, "alg": "ES256", "use": "sig"}]}

    @property
    def postgrest_secret(self) -> str:
        """The keys by which PostgREST knows people's JWTs, and the API keys that are JWTs."""
        if not self.asymmetric:
            return self.jwt_secret
        secret = base64.urlsafe_b64encode(self.jwt_secret.encode()).decode().rstrip("=")
        return json.dumps({"keys": [*self.key_set["keys"], {"kty": "oct", "k": secret}]})

    @cached_property
    def _signing_key(self) -> ec.EllipticCurvePrivateKey:
        number = int.from_bytes(hashlib.sha256(self.jwt_secret.encode()).digest())
        return ec.derive_private_key(number, ec.SECP256R1())

    @property
    def _key_id(self) -> str:
        return self._digest("signing-key")

    def _sign_with_secret(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self.jwt_secret, algorithm="HS256", json_encoder=_Unescaped)

    def _role_key(self, role: str) -> str:
        claims = {"iss": "supabase-demo", "role": role, "exp": self.expire_at}
        return self._sign_with_secret(claims)

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
