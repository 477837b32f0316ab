"""The payments that PortOne V1 keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulators.requests import NotPossible

if TYPE_CHECKING:
    from simulators.store import Store

Json = dict[str, Any]


class Books:
    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, merchant_uid: str | None = None) -> list[Json]:
        """Oldest first; those of one order, where it is named."""
        if merchant_uid is None:
            return self._store.all("payment")
        return self._store.all("payment", merchant_uid=merchant_uid)

    def find(self, imp_uid: str) -> Json | None:
        return self._store.get("payment", imp_uid)

    def one(self, imp_uid: str) -> Json:
        payment = self.find(imp_uid)
        if payment is None:
            raise NotPossible("No such payment", code="unknown_payment")
        return payment

    def keep(self, payment: Json) -> Json:
        self._store.put("payment", payment["imp_uid"], payment)
        return payment

    def prepare(self, prepared: Json) -> Json:
        """Registers the amount of an order before its window opens."""
        self._store.put("prepared", prepared["merchant_uid"], prepared)
        return prepared

    def prepared(self, merchant_uid: str) -> Json | None:
        return self._store.get("prepared", merchant_uid)
