"""Buyers who spend: by themselves, or through the app's server, which holds and captures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.storm.journal import Spent

if TYPE_CHECKING:
    from tests.storm.client import Client, Said
    from tests.storm.journal import Bought, Journal
    from tests.support.stacks import Person

_PRICES = {"question": 1, "answer": 2}
_SHORT = timedelta(seconds=3)


class Spenders:
    def __init__(self, client: Client, people: list[Person], journal: Journal) -> None:
        self._client = client
        self._people = people
        self._journal = journal

    async def spend(self, bought: Bought) -> None:
        person = self._people[bought.plan.user]
        for number, kind in enumerate(bought.plan.spends):
            key = f"spend-{bought.plan.number}-{number}"
            if kind == "spend":
                await self._spend(person, key, 1 + bought.plan.number % 7)
            elif kind == "given":
                await self._give(person, key, 1 + bought.plan.number % 7)
            elif kind == "feature":
                await self._use(person, key, "answer" if bought.plan.number % 2 else "question")
            else:
                await self._hold(person, key, kind, 2 + bought.plan.number % 5)

    async def _spend(self, person: Person, key: str, tokens: int) -> None:
        call = {"amount": tokens, "idempotency_key": key}
        said = await self._client.rpc("spend_tokens", person, **call)
        self._note(person, "user", key, tokens, said)
        if said.ok and tokens % 3 == 0:
            again = await self._client.rpc("spend_tokens", person, **call)
            if again.ok and again.body["seq"] != said.body["seq"]:
                self._journal.wrong.append(f"key {key} was spent twice")

    async def _give(self, person: Person, key: str, tokens: int) -> None:
        """Tokens that expire while the storm goes on."""
        ends = (datetime.now(UTC) + _SHORT).isoformat()
        call = {"user_id": person.id, "amount": tokens, "idempotency_key": key, "expires_at": ends}
        said = await self._client.rpc("add_tokens", None, **call)
        self._journal.count("given", "done" if said.ok else "not possible")

    async def _use(self, person: Person, key: str, feature: str) -> None:
        said = await self._client.rpc("use_feature", person, feature=feature, idempotency_key=key)
        self._note(person, "user", key, _PRICES[feature], said)

    async def _hold(self, person: Person, key: str, kind: str, tokens: int) -> None:
        held = await self._client.rpc(
            "hold_tokens_for", None, user_id=person.id, amount=tokens, idempotency_key=key
        )
        if not held.ok:
            self._note(person, "service", key, tokens, held, never=True)
            return
        hold_id = held.body["id"]
        if kind == "released":
            said = await self._client.rpc("release_token_hold", None, hold_id=hold_id)
            self._note(person, "service", key, tokens, said, never=True)
            return
        taken = tokens if kind == "captured" else tokens - 1
        said = await self._client.rpc("capture_token_hold", None, hold_id=hold_id, amount=taken)
        self._note(person, "service", key, taken, said)

    def _note(
        self, person: Person, caller: str, key: str, tokens: int, said: Said, *, never: bool = False
    ) -> None:
        """`never`: whatever was said, these tokens must not have been taken."""
        refused = never or (said.known and not said.ok and not said.doubtful)
        what = "refused" if refused else "done" if said.ok else "unknown"
        self._journal.count("spends", "released" if never and said.ok else what)
        self._journal.spent.append(Spent(person.id, caller, key, tokens, what))
