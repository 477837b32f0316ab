"""Toss's automatic payments (docs.tosspayments.com/guides/v2/billing).

For periodic payments only, by an additional contract. A window gives an `authKey`, once; a key is
issued for it, and charged under the `customerKey` that it was issued for. Nothing tells of an
approval but the answer: there is no webhook for it, and no read of a key.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog

from coinslot.errors import GatewayUnavailable, MethodNotStored
from coinslot.gateways.billing import METHOD_GONE, Declined, StoredMethod, decline
from coinslot.gateways.http import json_object, nonsense
from coinslot.gateways.money import as_number
from coinslot.gateways.toss.declines import DECLINES
from coinslot.gateways.toss.refusals import (
    LATER,
    OUR_KEYS,
    TAKEN_BEFORE,
    UNKNOWN,
    error,
    is_kept,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from coinslot.gateways.base import GatewayPayment
    from coinslot.gateways.billing import Charge, Registration
    from coinslot.gateways.http import GatewayHttp

log = structlog.get_logger(__name__)

KEYS = 5
"""Idempotency keys for one charge, one after the other, where an error was kept under the last."""
# Toss keeps an answer for fifteen days. What is older is not sent again.
_KEPT_FOR = timedelta(days=14)
_LONGEST_NAME = 100
_GONE = {
    *("INVALID_BILLING_AUTH", "INVALID_BILL_KEY_REQUEST", "ALREADY_REMOVED_BILLING_KEY"),
    *("NOT_FOUND_BILLING", "NOT_FOUND_BILLING_KEY"),
}
_OURS = {
    *("NOT_MATCHES_CUSTOMER_KEY", "INVALID_CUSTOMER_KEY", "NOT_SUPPORTED_METHOD"),
    "BELOW_MINIMUM_AMOUNT",
}
# Told by the processing of the payment, and not by the card.
_PROCESSING = ("FAILED_", "COMMON_ERROR", "UNKNOWN_")


class TossBilling:
    def __init__(
        self, http: GatewayHttp, headers: Mapping[str, str], *, client_key: str, frontend_url: str
    ) -> None:
        self._http = http
        self._headers = headers
        self._client_key = client_key
        self._frontend_url = frontend_url

    async def register(self, registration: Registration) -> Mapping[str, Any]:
        """Toss hears of a method only from the page."""
        return {
            "clientKey": self._client_key,
            "customerKey": registration.customer,
            "method": "CARD",
            "successUrl": f"{self._frontend_url}/billing/success?method={registration.id}",
            "failUrl": f"{self._frontend_url}/billing/fail?method={registration.id}",
        }

    async def registered(
        self, registration: Registration, carried: Mapping[str, str]
    ) -> StoredMethod:
        """Under one idempotency key, so that an answer which was lost is given again."""
        auth_key = carried.get("authKey", "")
        if not auth_key or carried.get("customerKey") != registration.customer:
            raise MethodNotStored
        response = await self._http.answer(
            "POST",
            "/v1/billing/authorizations/issue",
            headers={**self._headers, "Idempotency-Key": f"issue:{registration.id}"},
            json={"authKey": auth_key, "customerKey": registration.customer},
        )
        if response.status_code != 200:
            raise _not_issued(response)
        return _stored(json_object(response), registration.customer)

    async def open(self, charge: Charge) -> GatewayPayment | None:  # noqa: ARG002
        return None

    async def charge(self, charge: Charge) -> Declined | None:
        """Under one key for as long as no answer came. An error that Toss keeps under it is got
        past under another: by then the order was read, and has no payment."""
        if datetime.now(UTC) - charge.began > _KEPT_FOR:
            raise GatewayUnavailable
        for number in range(1, min(charge.looks, KEYS - 1) + 2):
            suffix = "" if number == 1 else f":{number}"
            response = await self._send(charge, f"charge:{charge.id}{suffix}")
            code, _ = error(response)
            if not is_kept(response.status_code, code):
                return _meaning(response)
        raise refused("billing", response.status_code, code)

    async def _send(self, charge: Charge, key: str) -> httpx.Response:
        order = charge.order
        return await self._http.answer(
            "POST",
            f"/v1/billing/{quote(charge.secret['billingKey'], safe='')}",
            headers={**self._headers, "Idempotency-Key": key},
            json={
                "customerKey": charge.customer,
                "amount": as_number(order.amount, order.currency),
                "orderId": order.order_id,
                "orderName": order.spoken_name[:_LONGEST_NAME],
            },
        )

    async def forget(self, customer: str, secret: Mapping[str, str]) -> None:  # noqa: ARG002
        path = f"/v1/billing/{quote(secret['billingKey'], safe='')}"
        response = await self._http.answer("DELETE", path, headers=self._headers)
        if response.status_code == 200:
            return
        code, _ = error(response)
        if code not in _GONE:
            raise refused("forget", response.status_code, code)


def _meaning(response: httpx.Response) -> Declined | None:
    """None where reading the order tells."""
    status = response.status_code
    if status == 200:
        return None
    code, _ = error(response)
    if code == TAKEN_BEFORE:
        return None
    if code is None or code in UNKNOWN | OUR_KEYS or status in LATER or status >= 500:
        raise refused("billing", status, code)
    if code.startswith(_PROCESSING):
        raise refused("billing", status, code)
    if code in _GONE:
        return Declined("hard", METHOD_GONE, dead=True)
    if code in _OURS:
        log.error("charge_refused", gateway="toss", code=code)
        return Declined("ours", "unavailable", dead=True)
    return decline(DECLINES.get(code, "declined"), dead=True)


def _not_issued(response: httpx.Response) -> GatewayUnavailable | MethodNotStored:
    code, _ = error(response)
    status = response.status_code
    if code is None or code in UNKNOWN | OUR_KEYS or status in LATER or status >= 500:
        return refused("issue", status, code)
    log.warning("method_not_stored", gateway="toss", code=code)
    return MethodNotStored(gateway_code=code)


def _stored(answer: Mapping[str, Any], customer: str) -> StoredMethod:
    key, card = answer.get("billingKey"), answer.get("card")
    if not isinstance(key, str) or not key or answer.get("customerKey") != customer:
        raise nonsense("not a billing key of this customer")
    number = card.get("number") if isinstance(card, dict) else None
    company = answer.get("cardCompany") or answer.get("method")
    return StoredMethod(
        secret={"billingKey": key},
        key=key,
        brand=company if isinstance(company, str) else None,
        last_four=number[-4:] if isinstance(number, str) else None,
    )
