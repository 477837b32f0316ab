"""Secrets of the database sealed anew with the first key of the settings, so that the others can be
taken out of them.

A run that was interrupted has done a part, and the next does the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coinslot.billing.methods import PURPOSE as OF_METHODS
from coinslot.errors import SecretKeysMissing, SecretUnreadable
from coinslot.outbox.endpoints import PURPOSE as OF_ENDPOINTS

if TYPE_CHECKING:
    from coinslot.database import Database
    from coinslot.database.sealed_secrets import SealedSecret
    from coinslot.sealed import SecretKeys

_PURPOSES = {
    "billing_key": OF_METHODS,
    "endpoint": OF_ENDPOINTS,
    "endpoint_old": OF_ENDPOINTS,
}


@dataclass(frozen=True, slots=True)
class Resealed:
    """`left` are under another key still, of which `unreadable` open with none that is set."""

    key: str
    resealed: int
    left: int
    unreadable: list[str]


class Resealing:
    def __init__(self, database: Database, keys: SecretKeys) -> None:
        self._database = database
        self._keys = keys

    async def work_off(self, batch: int = 100) -> Resealed:
        """Seals everything with the key that seals now. Raises `SecretKeysMissing` without one."""
        current = self._keys.current
        if current is None:
            raise SecretKeysMissing
        service = self._database.as_service()
        done, unreadable, after = 0, list[str](), None
        while (page := await service.list_sealed(current, after, batch)).items:
            after = page.items[-1]
            renewed = []
            for each in page.items:
                try:
                    renewed.append((each, self._anew(each)))
                except (SecretKeysMissing, SecretUnreadable) as error:
                    unreadable.append(f"{each.place} {each.owner}: {error}")
            done += await service.reseal(renewed)
        left = (await service.list_sealed(current, None, 1)).left
        return Resealed(current, done, left, unreadable)

    def _anew(self, each: SealedSecret) -> str:
        purpose = _PURPOSES[each.place]
        secret = self._keys.open(each.sealed, purpose=purpose, owner=each.owner)
        return self._keys.seal(secret, purpose=purpose, owner=each.owner)
