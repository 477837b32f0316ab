"""Whether this process lives, and whether it can do its work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sanic import Blueprint
from sanic.response import json

from sidecar.errors import ApiError
from sidecar.views.http import payments

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

health = Blueprint("health")


@health.get("/health")
async def alive(_request: Request) -> HTTPResponse:
    return json({"status": "ok"})


@health.get("/ready")
async def ready(request: Request) -> HTTPResponse:
    reasons = await _reasons(request)
    status = 503 if reasons else 200
    return json({"ready": not reasons, "reasons": reasons}, status=status)


async def _reasons(request: Request) -> list[str]:
    mode = request.app.ctx.settings.coinslot_mode
    try:
        database = await payments(request).database.as_service().get_settings()
    except ApiError as error:
        return [f"database: {error.code}"]
    if database.mode != mode:
        return [f"mode: this server is {mode}, the database is {database.mode}"]
    return []
