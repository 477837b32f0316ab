"""Failures of a gateway, planned on purpose: for the next calls or for a share of all calls."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel, Field
from sanic.response import html, json, raw

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from sanic import HTTPResponse, Request

Kind = Literal[
    "delay",
    "error_before",
    "error_after",
    "drop_after",
    "malformed",
    "html",
    "rate_limit",
    "refused",
]


class Fault(BaseModel):
    """A failure to come. `before` and `after` mean before and after the call takes effect."""

    kind: Kind
    next: int | None = Field(default=None, ge=1)
    share: float | None = Field(default=None, gt=0, le=1)
    delay_s: float = Field(default=0, ge=0, le=120)
    """Seconds before the answer, whatever the kind."""
    path: str = ""
    """Strikes only calls whose path contains it."""


class Faults:
    def __init__(self) -> None:
        self.planned: list[Fault] = []
        self._random = random.Random(0)  # noqa: S311 - repeatable, not secret

    def take(self, path: str) -> Fault | None:
        """The first planned fault that hits this call; those for the next n calls wear off."""
        for fault in self.planned:
            if fault.path not in path or self._random.random() >= (fault.share or 1):
                continue
            self._wear(fault)
            return fault
        return None

    def _wear(self, fault: Fault) -> None:
        if fault.next is not None:
            fault.next -= 1
            if fault.next == 0:
                self.planned.remove(fault)


async def strike(
    fault: Fault, request: Request, call: Callable[[], Coroutine[Any, Any, HTTPResponse]]
) -> HTTPResponse:
    """The call's answer as the fault leaves it. The call may have taken effect or not."""
    await asyncio.sleep(fault.delay_s)
    if fault.kind in _INSTEAD:
        return _failure(_INSTEAD[fault.kind])
    response = await call()
    if fault.kind == "drop_after":
        cast("asyncio.WriteTransport", request.transport).abort()
    return _spoilt(fault.kind, response)


def _spoilt(kind: Kind, response: HTTPResponse) -> HTTPResponse:
    if kind == "error_after":
        return _failure(500)
    if kind == "malformed":
        return raw(b'{"code": 0, "response": {"a', content_type="application/json")
    if kind == "html":
        return html("<html><body><h1>Scheduled maintenance</h1></body></html>")
    return response


# Answers without effect. `refused` is a failure under HTTP 200, as some gateways answer.
_INSTEAD: dict[Kind, int] = {"rate_limit": 429, "error_before": 500, "refused": 200}


def _failure(status: int) -> HTTPResponse:
    return json({"code": -1, "message": "fault on purpose", "response": None}, status=status)
