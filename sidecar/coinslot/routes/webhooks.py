"""One address per gateway for what it sends: `POST /payment/{gateway}/webhook`.

2xx says that the webhook is kept, or is nothing for us. Anything else makes the gateway send it
again, so it is said only where that helps: the database is away, or the secret set here is wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from sanic import Blueprint
from sanic.response import json

from coinslot.routes.requests import services

if TYPE_CHECKING:
    from sanic import HTTPResponse, Request

log = structlog.get_logger(__name__)
webhooks = Blueprint("webhooks")


@webhooks.post("/payment/<gateway:str>/webhook")
async def webhook(request: Request, gateway: str) -> HTTPResponse:
    """Answers the same for every verdict: the caller learns nothing of it."""
    verdict = await services(request).inbox.take(gateway, request.headers, request.body)
    log.info("webhook_taken", gateway=gateway, verdict=verdict)
    return json({"received": True})
