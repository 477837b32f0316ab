"""The audit: a gateway's own list of payments that moved against ours, page by page.

What does not match is read again and applied, since a list may be older than the last webhook; only
what still does not match is left for a person. Nothing is held but a page, and the one after it.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from structlog.contextvars import bound_contextvars

from coinslot.errors import (
    CoinslotError,
    InvalidPaymentKey,
    OrderNotFound,
    PaymentRefused,
    PaymentUnknownAtGateway,
    TryAgain,
)
from coinslot.gateways.base import gateway_named
from coinslot.gateways.http import GatewayNonsense, patiently
from coinslot.gateways.listing import OddRow
from coinslot.order_ids import ORDER_ID
from coinslot.payments.odd_rows import OddRows
from coinslot.text import storable

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Mapping,
        Sequence,
    )
    from datetime import datetime

    from coinslot.database import Database
    from coinslot.database.audit_records import AuditLine, AuditTotal, OpenLine, UnlistedPayment
    from coinslot.gateways.base import Gateway, GatewayPayment
    from coinslot.gateways.listing import ListedPage
    from coinslot.payments.settlements import Settlements

log = structlog.get_logger(__name__)

_AT_ONCE = 4


def _to_nobody(_said: str) -> None:
    """The hearer of an audit that nobody watches."""


@dataclass(frozen=True, slots=True)
class Audit:
    """A look at a window that has ended: its lines are in the database, its totals here. It is not
    `finished` while there are odd rows that nobody has accepted."""

    id: int
    gateway: str
    since: datetime
    until: datetime
    finished: bool
    odd: OddRows
    totals: list[AuditTotal]


class Audits:
    def __init__(
        self, database: Database, gateways: Mapping[str, Gateway], settlements: Settlements
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._settlements = settlements

    async def daily(self) -> None:
        """The days that are due, by UTC, at every gateway, oldest first; each is done by whichever
        process comes first. So days on which no server ran, or whose gateway could not be asked,
        are made up for. A day with odd rows holds up none of the others."""
        for name in self._gateways:
            try:
                for day in await self._database.as_service().due_audits(name):
                    await self.audit(name, day.since, day.until)
            except CoinslotError as error:
                log.warning("audit_failed", gateway=name, code=error.code)

    async def audit(
        self,
        gateway_name: str,
        since: datetime,
        until: datetime,
        *,
        again: bool = False,
        accept: bool = False,
        tell: Callable[[str], None] = _to_nobody,
    ) -> Audit | None:
        """None where this window is audited already, or just being audited. Raises `GatewayOff`.

        `accept`: a person knows of the odd rows that are found, and finishes the window with them.
        `tell` hears how far it has come.
        """
        gateway = gateway_named(self._gateways, gateway_name)
        service = self._database.as_service()
        audit_id = await service.begin_audit(gateway_name, since, until, again=again)
        if audit_id is None:
            return None
        with bound_contextvars(gateway=gateway_name, audit=audit_id):
            odd = await self._look(gateway, audit_id, since, until, tell)
            rows = [asdict(row) for row in odd.first]
            end = await service.finish_audit(audit_id, odd.count, rows, odd.mark, accept=accept)
            for total in end.totals:
                log.info("audited", **total.model_dump())
            if not end.finished:
                log.error("audit_unfinished", odd=odd.count)
        return Audit(audit_id, gateway_name, since, until, end.finished, odd, end.totals)

    async def report(self, audit_id: int) -> AsyncIterator[AuditLine]:
        after = None
        while page := await self._database.as_service().audit_report(audit_id, after):
            for line in page:
                yield line
            after = page[-1].payment_key

    async def _look(
        self,
        gateway: Gateway,
        audit_id: int,
        since: datetime,
        until: datetime,
        tell: Callable[[str], None],
    ) -> OddRows:
        odd = OddRows()
        try:
            await self._compare_list(gateway, audit_id, since, until, odd, tell=tell)
        except GatewayNonsense:
            # Its own log line says why. What was listed before is as good as ever.
            odd.cut_short(OddRow("", "the list does not go on"))
        tell("reading again what does not match")
        await self._read_open(gateway, audit_id, odd)
        tell("looking for what the list lacks")
        await self._look_for_unlisted(gateway, audit_id, odd)
        return odd

    async def _compare_list(
        self,
        gateway: Gateway,
        audit_id: int,
        since: datetime,
        until: datetime,
        odd: OddRows,
        *,
        tell: Callable[[str], None],
    ) -> None:
        """The next page comes while this one is compared."""
        service, compared = self._database.as_service(), 0
        async with aclosing(_one_ahead(gateway.moved_between(since, until))) as pages:
            async for page in pages:
                for row in page.odd:
                    odd.note(row)
                if page.payments:
                    lines = [asdict(each) for each in page.payments]
                    await service.audit_payments(audit_id, lines)
                compared += len(page.payments) + len(page.odd)
                tell(f"{compared} payments compared")

    async def _read_open(self, gateway: Gateway, audit_id: int, odd: OddRows) -> None:
        """Reads what does not match, a few at a time, and compares it once more."""
        service = self._database.as_service()
        after = None
        while page := await service.audit_open(audit_id, after):
            after = page[-1].payment_key
            lines = await self._all_read(
                [partial(self._listed, gateway, each, odd) for each in page]
            )
            await service.audit_payments(audit_id, lines)

    async def _look_for_unlisted(self, gateway: Gateway, audit_id: int, odd: OddRows) -> None:
        service = self._database.as_service()
        after = None
        while page := await service.audit_unlisted(audit_id, after):
            after = page[-1].payment_key
            lines = await self._all_read(
                [partial(self._asked_for, gateway, each, odd) for each in page]
            )
            await service.audit_payments(audit_id, lines)

    @staticmethod
    async def _all_read(
        reads: Sequence[Callable[[], Awaitable[dict[str, Any] | None]]],
    ) -> list[dict[str, Any]]:
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(read: Callable[[], Awaitable[dict[str, Any] | None]]) -> Any:  # noqa: ANN401
            async with gate:
                return await read()

        return [line for line in await asyncio.gather(*map(one, reads)) if line is not None]

    async def _listed(
        self, gateway: Gateway, each: OpenLine, odd: OddRows
    ) -> dict[str, Any] | None:
        """The line of a listed payment, read. What is listed and cannot be read may yet be."""
        try:
            fact = await self._read(gateway, each.order_id, each.payment_key)
        except (GatewayNonsense, TryAgain) as error:
            odd.note(OddRow(each.payment_key, f"read: {error.code}"))
            return None
        if fact is None or fact.payment_key != each.payment_key:
            odd.note(OddRow(each.payment_key, "listed, and unknown when asked for"))
            return None
        return _line(fact)

    async def _asked_for(
        self, gateway: Gateway, each: UnlistedPayment, odd: OddRows
    ) -> dict[str, Any] | None:
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
        except (GatewayNonsense, TryAgain) as error:
            odd.note(OddRow(each.payment_key, f"read: {error.code}"))
            return None
        if fact is not None and fact.payment_key == each.payment_key:
            return _line(fact)
        return {
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
        except (OrderNotFound, PaymentRefused):
            pass
        try:
            return await gateway.read(order_id, payment_key)
        except PaymentRefused:
            return None


def _line(fact: GatewayPayment) -> dict[str, Any]:
    """A read as a line of the audit."""
    return {
        "payment_key": fact.payment_key,
        "order_id": storable(fact.order_id),
        "currency": fact.currency,
        "paid": fact.paid,
        "refunded": fact.refunded + fact.withdrawn,
        "live": fact.live,
    }


async def _one_ahead(pages: AsyncIterator[ListedPage]) -> AsyncGenerator[ListedPage]:
    """The pages, each asked for while the one before it is worked on."""
    coming = asyncio.ensure_future(anext(pages, None))
    try:
        while (page := await coming) is not None:
            coming = asyncio.ensure_future(anext(pages, None))
            yield page
    finally:
        coming.cancel()
        with suppress(asyncio.CancelledError, CoinslotError):
            await coming
