"""Stored cards of the control API: how each will answer to its next charges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

if TYPE_CHECKING:
    from simulators.store import Store

Course = Literal["ok", "soft", "hard", "auth", "unknown"]


class RegisterTurn(BaseModel):
    """One visit to the window in which a card is stored. `customer` is the name that the page has
    of it; `outcome` what the buyer does."""

    customer: str
    outcome: Literal["ok", "failed"] = "ok"


class CardPlan(BaseModel):
    """The course of the next charges, one after the other; then they are `ok` again."""

    next: list[Course]


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
