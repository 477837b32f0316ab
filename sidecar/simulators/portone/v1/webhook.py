"""The webhooks of PortOne V1. They are not signed."""

from __future__ import annotations

from typing import Any

from simulators.webhooks import Webhook

Json = dict[str, Any]


def status_webhook(payment: Json) -> Webhook:
    """The payment's status as it is."""
    body = {name: payment[name] for name in ("imp_uid", "merchant_uid", "status")}
    return Webhook(payment["imp_uid"], body, {})


def cancel_webhook(payment: Json) -> Webhook:
    """The payment's latest cancel, also where it was for a part."""
    body = {**status_webhook(payment).body, "status": "cancelled"}
    body["cancellation_id"] = payment["cancel_history"][-1]["cancellation_id"]
    return Webhook(payment["imp_uid"], body, {})
