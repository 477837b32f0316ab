"""Two questions to a process: does it live, and can it do its work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanic import Blueprint
from sanic.response import json

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

health = Blueprint("health")


@health.get("/health")
async def alive(_request: Request) -> HTTPResponse:
    return json({"status": "ok"})


@health.get("/ready")
async def ready(request: Request) -> HTTPResponse:
    reasons = await request.app.ctx.readiness.reasons()
    status = 503 if reasons else 200
    return json({"ready": not reasons, "reasons": reasons}, status=status)
