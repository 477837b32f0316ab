"""The objects that Stripe keeps, and the events about them.

Every change notes its events. The caller who made the change then has them sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.stripe.errors import missing
from simulators.stripe.webhook import new_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulators.store import Store

Json = dict[str, Any]


class Books:
    def __init__(
        self, store: Store, now: Callable[[], int], api_version: Callable[[], str]
    ) -> None:
        self._store = store
        self.now = now
        self._api_version = api_version
        self._fresh_events: list[Json] = []

    def one(self, kind: str, key: str, param: str = "id") -> Json:
        found = self._store.get(kind, key)
        if found is None:
            raise missing(kind, key, param)
        return found

    def all(self, kind: str, **where: str | int | None) -> list[Json]:
        """Oldest first; those whose fields are as given."""
        return self._store.all(kind, **where)

    def keep(self, document: Json) -> Json:
        self._store.put(document["object"], document["id"], document)
        return document

    def note(self, kind: str, about: Json, previous: Json | None = None) -> None:
        """Keeps an event, with the object as it is at this moment."""
        event = new_event(
            kind, {**about}, previous, api_version=self._api_version(), now=self.now()
        )
        self.keep(event)
        self._fresh_events.append(event)

    def fresh_events(self) -> list[Json]:
        """The events that were noted since this was last asked."""
        fresh, self._fresh_events = self._fresh_events, []
        return fresh
