"""Stored cards of the control API: how each will answer to its next charges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from simulators.requests import NotPossible

if TYPE_CHECKING:
    from simulators.store import Store

Course = Literal["ok", "soft", "hard", "auth", "unknown", "late"]
"""`late`: no answer and nothing to read, until the control API has the bank approve it."""


class RegisterTurn(BaseModel):
    """One visit to the window in which a card is stored. `customer` is the name that the page has
    of it; `outcome` what the buyer does."""

    customer: str
    outcome: Literal["ok", "failed"] = "ok"


class CardPlan(BaseModel):
    """The course of the next charges, one after the other; then they are `ok` again."""

    next: list[Course]


class LateTurn(BaseModel):
    """The bank approves a charge that got no answer."""

    order_id: str


class Cards:
    def __init__(self, store: Store) -> None:
        self._store = store

    def plan(self, customer: str, plan: CardPlan) -> None:
        self._store.put("card_plan", customer, plan.model_dump())

    def take(self, customer: str) -> Course:
        """The course of the charge that is made now."""
        planned: list[Course] = (self._store.get("card_plan", customer) or {"next": []})["next"]
        if not planned:
            return "ok"
        self._store.put("card_plan", customer, {"next": planned[1:]})
        return planned[0]

    def hold_back(self, order_id: str, charge: dict[str, Any]) -> None:
        """Keeps a charge that nobody sees before its bank approves it."""
        self._store.put("late_charge", order_id, {"charge": charge})

    def held_back(self, order_id: str) -> dict[str, Any]:
        """The charge that is approved late, once."""
        kept = (self._store.get("late_charge", order_id) or {"charge": None})["charge"]
        if kept is None:
            message = f"No charge of {order_id} waits for its bank"
            raise NotPossible(message)
        self._store.put("late_charge", order_id, {"charge": None})
        found: dict[str, Any] = kept
        return found
