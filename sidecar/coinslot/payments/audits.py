"""The audit: a gateway's own list of payments against ours, page by page.

What does not match is first read again and applied, since a list may be older than the last
webhook; only what still does not match is left for a person. Nothing is held but a page.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from structlog.contextvars import bound_contextvars

from coinslot.errors import (
    CoinslotError,
    InvalidPaymentKey,
    PaymentNotFound,
    PaymentRefused,
    PaymentUnknownAtGateway,
)
from coinslot.gateways.base import gateway_named
from coinslot.gateways.http import GatewayNonsense, patiently
from coinslot.order_ids import ORDER_ID

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from coinslot.database import Database
    from coinslot.database.records import AuditLine, AuditTotal, UnlistedPayment
    from coinslot.gateways.base import Gateway, GatewayPayment
    from coinslot.payments.settlements import Settlements

log = structlog.get_logger(__name__)

_PAGE = 200
_AT_ONCE = 4
# A day is audited when the gateways have had time to close it.
_HOURS_TO_CLOSE = 3
_DAYS = 7
_OPEN = {"unread", "unknown", "different"}


@dataclass(frozen=True, slots=True)
class Audit:
    """A finished audit: its lines are in the database, its totals here."""

    id: int
    gateway: str
    since: datetime
    until: datetime
    totals: list[AuditTotal]


class Audits:
    def __init__(
        self, database: Database, gateways: Mapping[str, Gateway], settlements: Settlements
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._settlements = settlements

    async def daily(self) -> None:
        """The last days, by UTC, at every gateway; each is done once, whichever process comes
        first. So one on which no server ran, or whose gateway could not be asked, is made up for.
        """
        today = (datetime.now(UTC) - timedelta(hours=_HOURS_TO_CLOSE)).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        for name in self._gateways:
            try:
                for days in range(_DAYS):
                    until = today - timedelta(days=days)
                    await self.audit(name, until - timedelta(days=1), until)
            except CoinslotError as error:
                log.warning("audit_failed", gateway=name, code=error.code)

    async def audit(
        self, gateway_name: str, since: datetime, until: datetime, *, again: bool = False
    ) -> Audit | None:
        """None where this window is audited already, or just being audited. Raises `GatewayOff`."""
        gateway = gateway_named(self._gateways, gateway_name)
        service = self._database.as_service()
        audit_id = await service.begin_audit(gateway_name, since, until, again=again)
        if audit_id is None:
            return None
        with bound_contextvars(gateway=gateway_name, audit=audit_id):
            await self._compare_list(gateway, audit_id, since, until)
            await self._look_for_unlisted(gateway, audit_id)
            totals = await service.finish_audit(audit_id)
            for total in totals:
                log.info("audited", **total.model_dump())
        return Audit(audit_id, gateway_name, since, until, totals)

    async def report(self, audit_id: int) -> AsyncIterator[AuditLine]:
        after = None
        while page := await self._database.as_service().audit_report(audit_id, after):
            for line in page:
                yield line
            after = page[-1].payment_key

    async def _compare_list(
        self, gateway: Gateway, audit_id: int, since: datetime, until: datetime
    ) -> None:
        """Compares the gateway's list, page by page.

        Unreadable lines are logged, and the others are compared. Where the list itself is
        unreadable, the audit stays unfinished.
        """
        service = self._database.as_service()
        try:
            async for page in gateway.paid_between(since, until):
                lines = await service.audit_payments(audit_id, [asdict(each) for each in page])
                await self._look_again(gateway, audit_id, lines)
        except GatewayNonsense:
            log.error("audit_incomplete")  # noqa: TRY400 - its own line says why

    async def _look_again(self, gateway: Gateway, audit_id: int, lines: list[AuditLine]) -> None:
        """Reads what does not match, a few at a time, and compares it once more."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def look(line: AuditLine) -> dict[str, Any] | None:
            async with gate:
                try:
                    return _line(await self._read(gateway, line.order_id, line.payment_key))
                except GatewayNonsense:
                    _leave_as_it_is(line.order_id, line.payment_key)
                    return None

        found = await asyncio.gather(*(look(line) for line in lines if line.verdict in _OPEN))
        if fresh := [each for each in found if each is not None]:
            await self._database.as_service().audit_payments(audit_id, fresh)

    async def _look_for_unlisted(self, gateway: Gateway, audit_id: int) -> None:
        service = self._database.as_service()
        after = None
        while page := await service.audit_unlisted(audit_id, after, _PAGE):
            after = page[-1].payment_key
            found = [await self._asked_for(gateway, each) for each in page]
            await service.audit_payments(audit_id, [line for line in found if line])

    async def _asked_for(self, gateway: Gateway, each: UnlistedPayment) -> dict[str, Any] | None:
        """A payment that the list lacks, read by its key: the list may date it differently.

        A gateway that finds payments by their orders may answer with another attempt. None where
        this server lacks the keys of that version of the gateway.
        """
        try:
            gateway.check_key(each.payment_key)
            fact = await self._read(gateway, each.order_id, each.payment_key)
        except InvalidPaymentKey:
            log.warning("audit_not_here", order_id=each.order_id, payment_key=each.payment_key)
            return None
        except GatewayNonsense:
            _leave_as_it_is(each.order_id, each.payment_key)
            return None
        known = fact if fact and fact.payment_key == each.payment_key else None
        return _line(known) or {
            "payment_key": each.payment_key,
            "order_id": each.order_id,
            "currency": each.currency,
            "paid": 0,
            "refunded": 0,
            "live": each.live,
            "missing": True,
        }

    async def _read(
        self, gateway: Gateway, order_id: str, payment_key: str
    ) -> GatewayPayment | None:
        about = {"order_id": order_id} if ORDER_ID.fullmatch(order_id) else {}
        with bound_contextvars(**about):
            return await patiently(partial(self._read_once, gateway, order_id, payment_key))

    async def _read_once(
        self, gateway: Gateway, order_id: str, payment_key: str
    ) -> GatewayPayment | None:
        """Applied where it is about an order of ours; None where there is no such payment."""
        try:
            if not ORDER_ID.fullmatch(order_id):
                return await gateway.read(None, payment_key)
            return (await self._settlements.settle(gateway, order_id, payment_key, "audit")).fact
        except PaymentUnknownAtGateway:
            return None
        except (PaymentNotFound, PaymentRefused):
            pass
        try:
            return await gateway.read(order_id, payment_key)
        except PaymentRefused:
            return None


def _leave_as_it_is(order_id: str, payment_key: str) -> None:
    """Logs a payment whose read makes no sense. It holds up no other."""
    log.error("audit_incomplete", order_id=order_id, payment_key=payment_key)


def _line(fact: GatewayPayment | None) -> dict[str, Any] | None:
    """A read as a line of the audit."""
    if fact is None:
        return None
    return {
        "payment_key": fact.payment_key,
        "order_id": fact.order_id,
        "currency": fact.currency,
        "paid": fact.paid,
        "refunded": fact.refunded + fact.withdrawn,
        "live": fact.live,
    }
