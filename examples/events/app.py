"""An app that is told of events by Coinslot, and grants access with them.

    pip install sanic standardwebhooks
    COINSLOT_ENDPOINT_SECRET=whsec_… sanic app:app --port 8020

`/access/<user id>` says what somebody has. A real app keeps both in its database, and writes them
in one transaction: an event may come again, and its id tells.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

from sanic import HTTPResponse, Request, Sanic
from sanic.response import json, text
from standardwebhooks import Webhook, WebhookVerificationError

app = Sanic("coinslot_events")

WEBHOOK = Webhook(os.environ["COINSLOT_ENDPOINT_SECRET"])
SEEN: set[str] = set()
ACCESS: Counter[tuple[str, str]] = Counter()


@app.post("/hooks/coinslot")
async def hook(request: Request) -> HTTPResponse:
    try:
        event = WEBHOOK.verify(request.body, dict(request.headers))
    except (WebhookVerificationError, ValueError):
        return text("not signed by Coinslot", status=401)
    if event["id"] not in SEEN:
        act_on(event)
        SEEN.add(event["id"])
    return text("thanks")


def act_on(event: dict[str, Any]) -> None:
    """A product is there while it is paid for: one more with its money, one less without it."""
    data = event["data"]
    if event["type"] == "payment.completed":
        ACCESS[data["user_id"], data["product_id"]] += data["quantity"]
    elif event["type"] == "payment.refunded" and data["status"] == "refunded":
        ACCESS[data["user_id"], data["product_id"]] -= data["quantity"]


@app.get("/access/<user_id:uuid>")
async def access(_request: Request, user_id: object) -> HTTPResponse:
    """The packs that somebody has, by product."""
    has = {product: n for (user, product), n in ACCESS.items() if user == str(user_id) and n > 0}
    return json(has)
