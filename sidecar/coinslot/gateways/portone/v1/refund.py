"""Cancels at PortOne V1, and what its answers to them mean.

V1 has no idempotency keys: its only guard is `checksum`, the balance that the caller believes in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.http import nonsense
from coinslot.gateways.money import as_number
from coinslot.gateways.portone.banks import numbered
from coinslot.gateways.portone.refund import bounded, declined

if TYPE_CHECKING:
    from coinslot.gateways.base import Refund

log = structlog.get_logger(__name__)


def cancel_body(refund: Refund) -> dict[str, Any]:
    """The body of a cancel. It asks for the webhook that V2 always sends, so that a cancel with a
    lost answer is noticed."""
    if refund.amount <= 0:
        raise ValueError("V1 takes 0 for all that is left")
    body = {
        "imp_uid": refund.payment_key,
        "amount": as_number(refund.amount, refund.currency),
        "checksum": as_number(refund.refundable, refund.currency),
        "reason": bounded(refund.reason),
        "enable_webhook": True,
    }
    if refund.account is not None:
        body["refund_bank"] = numbered(refund.account.bank)
        body["refund_account"] = refund.account.account_number
        body["refund_holder"] = refund.account.holder
        if refund.account.phone is not None:
            body["refund_tel"] = refund.account.phone
    return body


def check_canceled(refund: Refund, envelope: dict[str, Any]) -> None:
    """Returns where PortOne canceled. It says no under HTTP 200, too: what counts is `code`."""
    status, code = envelope["http_status"], envelope.get("code")
    if not isinstance(code, int) or status >= 500 or (code == 0 and status != 200):
        log.error("gateway_refused", call="cancel", status=status, code=code)
        raise GatewayUnavailable(code="gateway_refused")
    if code != 0:
        raise declined(refund, str(code), envelope.get("message"))
    payment = envelope.get("response")
    if not isinstance(payment, dict) or payment.get("imp_uid") != refund.payment_key:
        raise nonsense("cancel answered with another payment", payment_key=refund.payment_key)
