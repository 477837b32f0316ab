"""The ways that a sidecar goes: to the database, to an endpoint, to the mail server. At each of
them it may be killed."""

from __future__ import annotations

import asyncio
import email
import json
import random
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.policy import default
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
from sanic import HTTPResponse, Request, Sanic
from sanic.response import empty, text

from tests.events.kills import AGAIN
from tests.support.mailboxes import Mailbox
from tests.support.proxies import pass_on
from tests.support.servers import running

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator

    from aiosmtpd.smtp import SMTP, Envelope, Session

    from tests.events.kills import Kills

# Who claimed it last, by endpoint and event, or by Message-ID.
Claims = dict[tuple[str, str], str]
_CLAIMS = {"coinslot_claim_deliveries": "events", "coinslot_claim_mails": "mails"}
_ENDS = {"coinslot_finish_delivery": "event", "coinslot_finish_mail": "mail"}
_ARRIVED = {"delivered", "accepted"}
_MOST_TO_GO = 0.02
_MAILS = "mails"


class Way:
    """From one sidecar to the API, known by `name`."""

    def __init__(self, name: str, target: str, kills: Kills, claims: Claims, seed: int) -> None:
        self._name = name
        self._target = target
        self._kills = kills
        self._claims = claims
        self._rng = random.Random(f"{seed}/{name}")  # noqa: S311 - not secret

    @asynccontextmanager
    async def open(self, sock: socket.socket) -> AsyncIterator[None]:
        app = Sanic(f"way-{uuid4().hex[:8]}", configure_logging=False)
        app.config.TOUCHUP = app.config.AUTO_EXTEND = False
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        async with httpx.AsyncClient(timeout=30) as http:

            async def handle(request: Request, path: str = "") -> HTTPResponse:
                return await self._carry(request, http)

            app.add_route(handle, "/<path:path>", methods=methods)
            async with running(app, sock):
                yield

    async def _carry(self, request: Request, http: httpx.AsyncClient) -> HTTPResponse:
        call = request.path.rpartition("/")[2]
        ends = _ENDS.get(call) if (request.json or {}).get("outcome") in _ARRIVED else None
        if ends and self._kills.at(f"{ends} answered", self._name):
            return empty(502)
        try:
            answer = await pass_on(request, http, self._target)
        except httpx.HTTPError:
            return empty(502)
        if ends:
            self._kills.at(f"{ends} recorded", self._name)
        elif answer.status == 200 and (claimed := _CLAIMS.get(call)):
            self._note(claimed, json.loads(answer.body or b"[]"))
        return answer

    def _note(self, claimed: str, jobs: list[dict[str, Any]]) -> None:
        if not jobs:
            return
        for job in jobs:
            key = (job["url"], job["event_id"]) if "url" in job else (_MAILS, f"mail.{job['id']}")
            self._claims[key] = self._name
        if not self._kills.at(f"{claimed} claimed", self._name):
            asyncio.get_running_loop().call_later(
                self._rng.uniform(0, _MOST_TO_GO),
                self._kills.at,
                f"{claimed} about to go",
                self._name,
            )


@dataclass
class Ear:
    """An endpoint that takes a share of what it is told. `taken`: how often each event was answered
    with 200; `early`: what came though something before it had not been taken."""

    url: str
    kills: Kills
    claims: Claims
    refuses: float
    rng: random.Random
    taken: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    early: list[str] = field(default_factory=list)
    _height: Counter[str] = field(default_factory=Counter)

    def hear(self, event: dict[str, Any]) -> HTTPResponse:
        user, seq = event["data"]["user_id"], event["data"]["seq"]
        self.told[event["id"]] += 1
        if seq > self._height[user] + 1:
            self.early.append(f"{event['id']}: {seq} after {self._height[user]} of {user}")
        if self.kills.at("event posted", self.claims.get((self.url, event["id"]))):
            return empty(500)
        if self.rng.random() < self.refuses:
            return text("not now", status=503)
        self.taken[event["id"]] += 1
        self._height[user] = max(self._height[user], seq)
        return text("thanks")


@dataclass
class WatchedMailbox(Mailbox):
    """One that knows who hands a mail over, once it has read the mail. Set both before its use."""

    kills: Kills | None = None
    claims: Claims = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert self.kills is not None
        read = email.message_from_bytes(envelope.original_content or b"", policy=default)
        number = str(read["Message-ID"]).strip("<>").partition("@")[0]
        sender = self.claims.get((_MAILS, number))
        if self.kills.at("mail offered", sender):
            return "451 4.3.0 not now"
        answer = await super().handle_DATA(server, session, envelope)
        self.times[number] += 1
        self.kills.at(AGAIN if self.times[number] > 1 else "mail taken", sender)
        return answer
