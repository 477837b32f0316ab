"""Endpoints added and rotated: their secrets are made here, sealed, and shown once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from coinslot.outbox.addresses import AddressRules
from coinslot.outbox.signing import new_secret

if TYPE_CHECKING:
    from coinslot.database.endpoints import Endpoint, EndpointAuthority
    from coinslot.sealed import SecretKeys
    from coinslot.settings.deployment import Settings

PURPOSE = "endpoint"
"""The purpose with which secrets of endpoints are sealed; the owner is the endpoint's id."""


@dataclass(frozen=True, slots=True)
class NewSecret:
    """An endpoint and its secret, which nobody is shown again."""

    endpoint: Endpoint
    secret: str

    def shown(self) -> dict[str, object]:
        return {"endpoint": self.endpoint.model_dump(), "secret": self.secret}


class Endpoints:
    """`authority` is the database as whoever asks: an operator with a JWT, or the service."""

    def __init__(self, settings: Settings) -> None:
        self._keys: SecretKeys = settings.secret_keys
        self.rules = AddressRules(settings.live, settings.endpoint_networks)

    async def add(
        self,
        authority: EndpointAuthority,
        url: str,
        *,
        name: str = "",
        types: list[str] | None = None,
        reason: str = "",
    ) -> NewSecret:
        """Raises `AddressRefused`, `SecretKeysMissing` or the database's refusal."""
        self.rules.check_url(url)
        endpoint_id = str(uuid4())
        secret, sealed = self._made(endpoint_id)
        added = await authority.add_endpoint(
            endpoint_id, url, sealed, name=name, types=types, reason=reason
        )
        return NewSecret(added, secret)

    async def rotate(
        self, authority: EndpointAuthority, endpoint_id: str, *, keep_seconds: int, reason: str = ""
    ) -> NewSecret:
        """A new secret. For `keep_seconds` what is sent is signed with the old one as well."""
        secret, sealed = self._made(str(UUID(endpoint_id)))
        rotated = await authority.rotate_endpoint(
            endpoint_id, sealed, keep_seconds=keep_seconds, reason=reason
        )
        return NewSecret(rotated, secret)

    def _made(self, endpoint_id: str) -> tuple[str, str]:
        secret = new_secret()
        return secret, self._keys.seal(secret.encode(), purpose=PURPOSE, owner=endpoint_id)
