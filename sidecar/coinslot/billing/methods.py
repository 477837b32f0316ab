"""Stored methods: begun, kept sealed, and forgotten at their gateways."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import structlog
from structlog.contextvars import bound_contextvars

from coinslot.errors import CoinslotError, GatewayOff, SecretKeysMissing, SecretUnreadable
from coinslot.gateways.base import gateway_named
from coinslot.gateways.billing import Registration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinslot.database import Database
    from coinslot.database.billing_records import ClaimedMethod, MethodRecord
    from coinslot.gateways.base import Gateway
    from coinslot.gateways.billing import Billing, StoredMethod
    from coinslot.sealed import SecretKeys
    from coinslot.shutdown import Shutdown

log = structlog.get_logger(__name__)

PURPOSE = "billing_key"
"""The purpose with which stored methods are sealed; the owner is the method's id."""
_BATCH = 20


def billing_of(gateways: Mapping[str, Gateway], name: str) -> Billing:
    """Raises `GatewayOff` where the gateway is off, or stores no methods."""
    billing = gateway_named(gateways, name).billing
    if billing is None:
        raise GatewayOff
    return billing


def seal(keys: SecretKeys, method_id: str, secret: Mapping[str, str]) -> str:
    """Raises `SecretKeysMissing`."""
    return keys.seal(json.dumps(dict(secret)).encode(), purpose=PURPOSE, owner=method_id)


def unsealed(keys: SecretKeys, method_id: str, sealed: str) -> dict[str, str]:
    """Raises `SecretKeysMissing`, `SecretUnreadable`."""
    opened: dict[str, str] = json.loads(keys.open(sealed, purpose=PURPOSE, owner=method_id))
    return opened


class Methods:
    def __init__(
        self,
        database: Database,
        gateways: Mapping[str, Gateway],
        keys: SecretKeys,
        shutdown: Shutdown,
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._keys = keys
        self._shutdown = shutdown

    async def begin(
        self, token: str, gateway_name: str, language: str
    ) -> tuple[MethodRecord, Mapping[str, Any]]:
        """A method to be stored, and what the page needs to open the gateway's window for it.

        Raises `SecretKeysMissing` before anybody types a card that could not be kept.
        """
        billing = billing_of(self._gateways, gateway_name)
        if self._keys.current is None:
            raise SecretKeysMissing
        begun = await self._database.as_user(token).begin_method(gateway_name)
        earlier = await self._earlier(begun)
        registration = Registration(begun.id, begun.customer, language, earlier)
        return begun, await billing.register(registration)

    async def _earlier(self, begun: MethodRecord) -> Mapping[str, str]:
        found = await self._database.as_service().earlier_method(begun.id)
        if found is None:
            return {}
        try:
            return unsealed(self._keys, found.id, found.sealed)
        except (SecretKeysMissing, SecretUnreadable) as error:
            log.warning("method_unreadable", method_id=found.id, code=error.code)
            return {}

    async def finish(
        self, token: str, method_id: str, carried: Mapping[str, str], language: str
    ) -> MethodRecord:
        """The method as the window stored it, the person's own. Called again it is the same."""
        begun = await self._database.as_user(token).method(method_id)
        if begun.status == "active":
            return begun
        billing = billing_of(self._gateways, begun.gateway)
        registration = Registration(begun.id, begun.customer, language)
        stored = await billing.registered(registration, carried)
        log.info("method_stored", gateway=begun.gateway, method_id=begun.id)
        return await self._kept(begun, stored)

    async def _kept(self, begun: MethodRecord, stored: StoredMethod) -> MethodRecord:
        return await self._database.as_service().finish_method(
            begun.id,
            sealed=seal(self._keys, begun.id, stored.secret),
            key_hash=hashlib.sha256(stored.key.encode()).hexdigest(),
            brand=stored.brand,
            last_four=stored.last_four,
            fingerprint=stored.fingerprint,
        )

    async def forget(self) -> int:
        """Has gateways forget what people have removed. Returns how many."""
        if not self._keys.keys:
            return 0
        names = [name for name, each in self._gateways.items() if each.billing is not None]
        done = 0
        while names and not self._shutdown.has_begun():
            batch = await self._database.as_service().claim_forgets(names, _BATCH)
            for each in batch:
                done += await self._forgotten(each)
            if len(batch) < _BATCH:
                break
        return done

    async def _forgotten(self, removed: ClaimedMethod) -> bool:
        with bound_contextvars(method_id=removed.id, gateway=removed.gateway):
            try:
                secret = unsealed(self._keys, removed.id, removed.sealed)
                await billing_of(self._gateways, removed.gateway).forget(removed.customer, secret)
                await self._database.as_service().finish_forget(removed.id)
            except CoinslotError as error:
                log.warning("method_not_forgotten", code=error.code)
                return False
            log.info("method_forgotten")
            return True
