"""People who change who they are while everything goes on: they buy anonymously and sign in, join
two accounts, or are deleted and come back. Whatever they have under way follows them."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, LiteralString

import httpx
import psycopg

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.storm.client import Client, Said
    from tests.storm.journal import Journal
    from tests.storm.moves import Move
    from tests.support.stacks import LocalStack, Person

_PATIENCE = 30
_LATER = 15
"""Steps until a merge that was refused is tried again."""

# As Auth does it, and as a project that restores the rows.
_DELETE: LiteralString = "delete from auth.users where id = %(id)s"
_HIDE: LiteralString = "update auth.users set deleted_at = now(), email = %(id)s where id = %(id)s"
_RETURN: LiteralString = (
    "insert into auth.users (id, email, email_confirmed_at, aud, role, created_at) "
    "values (%(id)s, %(email)s, now(), 'authenticated', 'authenticated', now()) "
    "on conflict (id) do nothing"
)
_SHOW: LiteralString = (
    "update auth.users set deleted_at = null, email = %(email)s where id = %(id)s"
)


@dataclass(frozen=True)
class Merge:
    """A call that was answered: done, or refused for good or for now."""

    from_user: str
    into_user: str
    said: str


class Movers:
    """`people` is the list of all others: who stands at a place there buys and spends."""

    def __init__(
        self, moves: Iterable[Move], stack: LocalStack, client: Client, people: list[Person],
        journal: Journal,
    ) -> None:  # fmt: skip
        self.merges: list[Merge] = []
        self.anonymous: set[str] = set()
        self.deleted: set[str] = set()
        self._moves = deque(moves)
        self._stack = stack
        self._client = client
        self._people = people
        self._journal = journal
        self._accounts = list(people)
        """Those that people come back to, by their place."""

    async def move(self, reached: Callable[[int], Any]) -> None:
        """All of it, each once the storm has come as far; what is refused is put off."""
        while self._moves:
            move = self._moves.popleft()
            await reached(move.at)
            await self._carry_out(move)

    async def finish(self) -> None:
        """Once no refund is under way any more, nothing is in the way of a merge either."""
        for place, person in enumerate(self._people):
            if person.id in self.anonymous and not await self._sign_in(place):
                self._journal.wrong.append(f"{person.id} could not be merged in the end")

    async def _carry_out(self, move: Move) -> None:
        account = self._accounts[move.place]
        if move.what == "anonymous":
            await self._leave(move.place)
        elif move.what == "sign in":
            self._put_off(move, done=await self._sign_in(move.place))
        elif move.what == "join":
            self._put_off(move, done=await self._join(account, self._accounts[move.other]))
        else:
            away = move.what == "delete"
            self.deleted.add(account.id)
            statements = (_HIDE, _SHOW) if move.soft else (_DELETE, _RETURN)
            await self._auth(statements[not away], account)
            self._journal.count("moves", "deleted" if away else "returned")

    def _put_off(self, move: Move, *, done: bool) -> None:
        """Behind those that come before its next time. Not for ever: the storm ends."""
        if done or move.late > _PATIENCE:
            return
        again = replace(move, at=move.at + _LATER, late=move.late + 1)
        last = self._moves[-1].at if self._moves else 0
        if again.at <= last:
            self._moves = deque(sorted([*self._moves, again]))

    # ---- buyers without an account ----

    async def _leave(self, place: int) -> None:
        if self._people[place].id in self.anonymous:
            return
        person = await self._signed_in_anonymously()
        self.anonymous.add(person.id)
        self._people[place] = person
        self._journal.count("moves", "anonymous")

    async def _signed_in_anonymously(self) -> Person:
        """A try that was not answered leaves somebody whom nobody ever hears of."""
        async with asyncio.timeout(_PATIENCE):
            while True:
                try:
                    return await asyncio.to_thread(self._stack.sign_in_anonymously)
                except httpx.HTTPError:
                    await asyncio.sleep(0.5)

    async def _sign_in(self, place: int) -> bool:
        """Asked for twice at once, as a page does that was loaded twice."""
        person, account = self._people[place], self._accounts[place]
        if person.id not in self.anonymous:
            return True
        one, two = await asyncio.gather(
            self._merge(person, account, "sign-in"), self._merge(person, account, "sign-in")
        )
        if one.ok and two.ok and not (one.body["replayed"] or two.body["replayed"]):
            self._journal.wrong.append(f"{person.id} was merged twice")
        if not (one.ok or two.ok):
            return False
        self._people[place] = account
        self._journal.count("moves", "signed in")
        if len(self.merges) % 2:
            await self._auth(_DELETE, person)
        return True

    # ---- people with two accounts ----

    async def _join(self, one: Person, two: Person) -> bool:
        """In both directions at once: one of them comes first, and the other is refused."""
        if one.id == two.id:
            return True
        there, back = await asyncio.gather(
            self._merge(one, two, "join"), self._merge(two, one, "join")
        )
        if there.ok and back.ok:
            self._journal.wrong.append(f"{one.id} and {two.id} were merged into each other")
        if there.ok or back.ok:
            gone, left = (one, two) if there.ok else (two, one)
            for people in (self._accounts, self._people):
                people[:] = [left if person.id == gone.id else person for person in people]
            self._journal.count("moves", "joined")
        return there.ok or back.ok

    async def _merge(self, one: Person, two: Person, why: str) -> Said:
        said = await self._client.rpc(
            "merge_token_wallets",
            None,
            from_user=one.id,
            into_user=two.id,
            idempotency_key=f"{why} {one.id} {two.id}",
        )
        code = str(said.body.get("message", said.status))
        done = "done" if said.ok else code if said.known and not said.doubtful else "unknown"
        self._journal.count("merges", done)
        self.merges.append(Merge(one.id, two.id, done))
        if done not in _ANSWERS:
            self._journal.wrong.append(f"a merge was answered {done}")
        return said

    async def _auth(self, statement: LiteralString, person: Person) -> None:
        """Until it is done: each may be repeated."""
        row = {"id": person.id, "email": person.email}
        async with asyncio.timeout(_PATIENCE):
            while True:
                try:
                    await asyncio.to_thread(self._run, statement, row)
                except psycopg.OperationalError:
                    await asyncio.sleep(0.3)
                else:
                    return

    def _run(self, statement: LiteralString, row: dict[str, str]) -> None:
        with psycopg.connect(self._stack.database_url) as connection:
            connection.execute(statement, row)


_ANSWERS = {"done", "unknown", "refund_in_progress", "wallet_merged", "wallet_not_found"}
