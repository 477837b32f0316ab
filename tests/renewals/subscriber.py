"""One subscriber: stores a card, subscribes, and lives through months of all kinds of charges."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, LiteralString, TypeVar

import psycopg

from tests.renewals import lateness, statements
from tests.support.gateways import PORTONE_V1, PORTONE_V2, STRIPE, TOSS
from tests.support.subscribers import DUE, UNANSWERED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.storm.client import Client
    from tests.storm.journal import Journal
    from tests.storm.verdict import Database, Row
    from tests.support.gateways.driver import GatewayDriver, Json
    from tests.support.stacks import Person

T = TypeVar("T")

_PATIENCE_S = 120
# By what a window for a card is told, and how it names the card.
_WINDOWS: dict[str, GatewayDriver] = {
    "customerKey": TOSS,
    "issueId": PORTONE_V2,
    "customer_uid": PORTONE_V1,
    "clientSecret": STRIPE,
}
# Of the next charge. `lost`: the card is gone at its gateway.
_COURSES = {
    "ok": 56,
    "soft": 12,
    "hard": 8,
    "unknown": 10,
    "auth": 6,
    "lost": 4,
    "soft soft": 4,
    "late": 8,
}
_ACTS = {
    "": 60,
    "refund": 8,
    "part": 6,
    "cancel": 5,
    "cancel and stay": 6,
    "pause": 5,
    "upgrade": 6,
    "downgrade": 4,
}


@dataclass
class Subscriber:
    number: int
    gateway: str
    person: Person
    client: Client
    database: Database
    url: str
    journal: Journal
    seed: int
    driver: GatewayDriver | None = None
    card: str = ""
    method: str = ""
    month: int = 0
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.chance = random.Random(f"{self.seed}/{self.number}")  # noqa: S311 - repeatable

    # ---- the months ----

    async def live(self) -> None:
        """One month more: time passes, the card is charged, and its owner does something."""
        self.month += 1
        shown = await self.shown()
        if shown is None or shown["status"] == "ended":
            await self.subscribe()
            return
        if shown["status"] in {"active", "past_due"}:
            late = await self._plan()
            await self.changed(statements.OVER, shown["id"])
            if late:
                await lateness.play(self, shown["id"])
        await self._charged(shown["id"])
        await self._act()

    async def subscribe(self) -> None:
        """Again as well: who has left comes back with a new card."""
        if not await self.store():
            self.journal.count("subscribers", "without a card")
            return
        said = await self.client.sidecar(
            "/billing/subscriptions",
            {
                "planId": self.chance.choice(("plus", "plus", "pro", "pro_year")),
                "gateway": self.gateway,
                "currency": "KRW",
                "methodId": self.method,
                "consent": {"text": "v1"},
            },
            self.person.token,
        )
        self.journal.count("subscribers", "subscribed" if said.ok else f"told {said.status}")

    async def store(self) -> bool:
        """A new card, in the gateway's window. False where it was not stored for sure."""
        begun = await self.client.sidecar(
            "/billing/methods", {"gateway": self.gateway}, self.person.token
        )
        if not begun.ok:
            return False
        browser: Json = begun.body["browser"]
        name = next(each for each in _WINDOWS if each in browser)
        self.driver = _WINDOWS[name]
        card = browser[name].partition("_secret_")[0]
        carried = await self.client.play(self.driver.name, "register", customer=card)
        method = begun.body["method_id"]
        said = await self.client.sidecar(
            f"/billing/methods/{method}/stored", {"carried": carried or {}}, self.person.token
        )
        if said.ok:
            self.card, self.method = card, method
            self.journal.count("cards", self.driver.name)
        return said.ok

    async def _plan(self) -> bool:
        """True where the bank will approve a charge that was given up."""
        course = self.chance.choices(list(_COURSES), list(_COURSES.values()))[0]
        if self.number % 6 == 0 and self.month == 2:
            course = "late"
        if self.driver is None or (course == "auth" and self.driver is not STRIPE):
            return False
        if course == "late" and self.driver not in lateness.GATEWAYS:
            return False
        self.journal.count("charges", course)
        if course == "lost":
            await self.client.set(self.driver.name, f"cards/{self.card}", "DELETE")
        else:
            courses = [] if course == "ok" else course.split()
            if course == "late":
                courses.append(self.chance.choice(("soft", "hard")))
            await self.client.set(self.driver.name, f"cards/{self.card}", next=courses)
        return course == "late"

    async def _charged(self, subscription: str) -> None:
        """By whoever comes first: a server's own round, its owner, or two at once."""
        calls = self.chance.choice((0, 0, 1, 2))
        await asyncio.gather(*(self.charge(subscription) for _ in range(calls)))
        if self.chance.random() < 0.25:
            # Whoever is still at it is not waited for.
            await asyncio.sleep(self.chance.uniform(0, 1.5))
            await self.changed(UNANSWERED, subscription)
            self.journal.count("leases", "ended")
            await self.charge(subscription)
        for _ in range(4):
            if self.chance.random() < 0.3:
                await self.decide()
            shown = await self.shown()
            if shown is None or not (shown["due"] or shown["open"]):
                break
            await asyncio.sleep(0.4)
            if self.chance.random() < 0.3:
                await self.changed(UNANSWERED, subscription)
        await self.mend()

    async def mend(self) -> None:
        """Does what the subscription waits for: another day, another card, one's bank."""
        shown = await self.shown()
        if shown is None or shown["status"] not in {"past_due", "incomplete"}:
            return
        if shown["needs"] is None:
            await self.changed(DUE, shown["id"])
        elif shown["needs"] == "authentication" and self.chance.random() < 0.7:
            await self._authenticate(shown["id"])
        elif await self.store():
            call = {"subscription_id": shown["id"], "method_id": self.method}
            said = await self.client.rpc("set_token_subscription_method", self.person, **call)
            self.journal.count("mended", "by a card" if said.ok else f"told {said.status}")
        await self.charge(shown["id"])

    async def decide(self) -> None:
        """The bank's word on what it has been at for a while: some of it is approved late."""
        found = await self.rows(statements.PROCESSING, self.person.id)
        for row in found:
            word = self.chance.choice(("deposit", "deposit", "undo_deposit"))
            if await self.client.play("stripe", word, payment_key=row["payment_key"]) is not None:
                self.journal.count("banks", "approved" if word == "deposit" else "declined")

    async def _authenticate(self, subscription: str) -> None:
        said = await self.client.sidecar(
            f"/billing/subscriptions/{subscription}/authenticate", {}, self.person.token
        )
        if not said.ok or "clientSecret" not in said.body["browser"]:
            return
        intent = said.body["browser"]["clientSecret"].partition("_secret_")[0]
        played = await self.client.play(
            "stripe", "pay", order_id=said.body["order_id"], payment_intent=intent, webhook="beside"
        )
        self.journal.count("mended", "by one's bank" if played else "too late at one's bank")

    async def charge(self, subscription: str) -> None:
        path = f"/billing/subscriptions/{subscription}/charge"
        await self.client.sidecar(path, {}, self.person.token)

    # ---- what its owner and its shop do ----

    async def _act(self) -> None:
        act = self.chance.choices(list(_ACTS), list(_ACTS.values()))[0]
        shown = await self.shown()
        if not act or shown is None or shown["status"] != "active":
            return
        call: Json = {"subscription_id": shown["id"]}
        if act in {"refund", "part"}:
            await self._refund(shown["id"], act)
            return
        if act == "upgrade":
            call["plan_id"] = "pro"
        if act == "downgrade":
            call["plan_id"] = "plus"
        name = {
            "upgrade": "upgrade_token_plan",
            "downgrade": "change_token_plan",
            "pause": "pause_token_subscription",
        }.get(act, "cancel_token_subscription")
        said = await self.client.rpc(name, self.person, **call)
        self.journal.count("acts", act, "" if said.ok else said.status)
        if act in {"cancel and stay", "pause"}:
            if act == "pause" and self.chance.random() < 0.5:
                await self.changed(statements.OVER, shown["id"])
                await self.charge(shown["id"])
            said = await self.client.rpc(
                "resume_token_subscription", self.person, subscription_id=shown["id"]
            )
            self.journal.count("acts", "resume", "" if said.ok else said.status)

    async def _refund(self, subscription: str, act: str) -> None:
        """At the gateway's console: a webhook tells of it, or the audit does."""
        found = await self.rows(statements.LAST_PAID, subscription)
        if not found or self.driver is None:
            return
        [paid] = found
        part = {"amount": max(1, paid["amount"] // 3)} if act == "part" else {}
        for driver in (self.driver, *_WINDOWS.values()):
            if driver.gateway == paid["gateway"]:
                key = paid["payment_key"]
                played = await self.client.play(driver.name, "refund", payment_key=key, **part)
                if played is not None:
                    self.journal.count("refunds", act)
                    return

    # ---- the database ----

    async def rows(self, query: LiteralString, *parameters: object) -> list[Row]:
        return await asyncio.to_thread(_patiently, lambda: self.database.rows(query, *parameters))

    async def shown(self) -> Row | None:
        found = await self.rows(statements.SHOWN, self.person.id)
        return next(iter(found), None)

    async def changed(self, statement: LiteralString, subscription: str) -> None:
        """Time passes, for this subscription alone."""
        await asyncio.to_thread(_patiently, lambda: self._change(statement, subscription))

    def _change(self, statement: LiteralString, subscription: str) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(statements.LOCK, [self.person.id])
            connection.execute(statement, {"id": subscription})


def _patiently(call: Callable[[], T]) -> T:
    """Again while Postgres is killed, and comes back."""
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return call()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.25)
