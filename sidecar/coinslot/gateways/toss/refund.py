"""A refund at Toss: a cancel of the payment, of all or of a part.

Under one `Idempotency-Key` Toss repeats the first answer for fifteen days, errors included, and
compares no bodies. An error that leaves the outcome open is got past with a new key only, and
`refundableAmount` makes that safe: where the first try did take effect, the balance is another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from coinslot.errors import GatewayUnavailable, RefundDeclined, RefundKeySpent
from coinslot.gateways.base import LONGEST_REASON
from coinslot.gateways.http import json_object, nonsense
from coinslot.gateways.money import as_number
from coinslot.gateways.toss.banks import coded
from coinslot.gateways.toss.refusals import LATER, OUR_KEYS, error, is_kept, refused
from coinslot.text import storable

if TYPE_CHECKING:
    import httpx

    from coinslot.gateways.base import Refund, RefundAccount

log = structlog.get_logger(__name__)


def body(refund: Refund) -> dict[str, Any]:
    """The body names the amount, also where it is all: without one Toss gives back the rest."""
    given: dict[str, Any] = {
        "cancelReason": storable(refund.reason).strip()[:LONGEST_REASON] or "refund",
        "cancelAmount": as_number(refund.amount, refund.currency),
        "refundableAmount": as_number(refund.refundable, refund.currency),
    }
    if refund.currency != "KRW":
        given["currency"] = refund.currency
    if refund.account is not None:
        given["refundReceiveAccount"] = {
            "bank": coded(refund.account.bank),
            "accountNumber": refund.account.account_number,
            "holderName": refund.account.holder,
        }
    return given


def check(response: httpx.Response, refund: Refund) -> None:
    """Returns where Toss took the cancel on; else raises as `Gateway.refund` says."""
    status = response.status_code
    if status == 200:
        if json_object(response).get("paymentKey") != refund.payment_key:
            raise nonsense("canceled another payment", payment_key=refund.payment_key)
        return
    code, message = error(response)
    if code in OUR_KEYS:
        raise refused("cancel", status, code)
    log.warning("refund_refused", gateway="toss", status=status, code=code)
    if code is None or status in LATER or status < 400:
        raise GatewayUnavailable
    if is_kept(status, code):
        raise RefundKeySpent
    raise RefundDeclined(code, _impersonal(message, refund.account))


def _impersonal(message: str, account: RefundAccount | None) -> str:
    """A sentence that quotes the account is told without it."""
    for personal in (account.account_number, account.holder) if account else ():
        message = message.replace(personal, "…") if personal else message
    return message
