"""Refunds: asked for in the database, carried to the gateway, decided by a fresh read.

The database has set the tokens aside before the gateway hears of it, and knows each step: whatever
stops this process leaves a leased refund, which is taken up again under the same key.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from coinslot.errors import (
    CoinslotError,
    GatewayOff,
    GatewayTimeout,
    GatewayUnavailable,
    InvalidPaymentKey,
    OrderNotFound,
    PaymentRefused,
    RefundDeclined,
    RefundKeySpent,
)
from coinslot.gateways.base import Refund, RefundAccount
from coinslot.order_ids import bind_order
from coinslot.settings.fields import SECONDS_TO_REFUND
from coinslot.single_flight import SingleFlight

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coinslot.database import Database
    from coinslot.database.records import RefundJob, RefundRecord
    from coinslot.database.refunds import RefundRequest
    from coinslot.gateways.base import Gateway
    from coinslot.payments.settlements import Settlements

log = structlog.get_logger(__name__)


class Refunds:
    def __init__(
        self, database: Database, gateways: Mapping[str, Gateway], settlements: Settlements
    ) -> None:
        self._database = database
        self._gateways = gateways
        self._settlements = settlements
        self._steps: SingleFlight[None] = SingleFlight()

    async def refund(
        self, order_id: str, request: RefundRequest, token: str | None = None
    ) -> RefundRecord:
        """The refund as far as it has come. With a token on the word of that operator, without
        one on the service's own.

        Given up at once where the payment is of a gateway, or of a version of one, that is not set
        up here. Raises what the database refuses, `order_not_found` as `OrderNotFound`.
        """
        try:
            if token is None:
                service = self._database.as_service()
                refund = await service.request_refund_for(order_id, request)
            else:
                refund = await self._database.as_user(token).request_refund(order_id, request)
        except CoinslotError as error:
            if error.code == "order_not_found":
                raise OrderNotFound from error
            raise
        return await self._carried(refund)

    async def accept(self, order_id: str, account: dict[str, str] | None = None) -> RefundRecord:
        """The refund that is proposed of an order, as far as it has come; on the service's word."""
        try:
            refund = await self._database.as_service().accept_refund_for(order_id, account)
        except CoinslotError as error:
            if error.code == "order_not_found":
                raise OrderNotFound from error
            raise
        return await self._carried(refund)

    async def work_off(self, batch: int) -> int:
        """Takes the next step of refunds that are due; how many."""
        jobs = await self._database.as_service().claim_refunds(batch)
        await asyncio.gather(*(self._take(job) for job in jobs))
        return len(jobs)

    async def close(self, seconds: float) -> None:
        """Finishes what it began, as far as there is time.

        A step that is cut short stays leased: the gateway may be at it still.
        """
        if unfinished := await self._steps.drain(seconds):
            log.warning("refunds_cut_short", runs=unfinished)

    async def _carried(self, refund: RefundRecord) -> RefundRecord:
        """Carries a stored request to the gateway. After an outage the answer says that it is open.

        A refund at a gateway that is off here is given up only if nobody took it up before: a
        server with the keys may have asked the gateway already.
        """
        service = self._database.as_service()
        try:
            for job in await service.claim_refunds(1, refund.id):
                if self._gateway_of(job) is None and not refund.attempts:
                    await service.close_refund(refund.id, GatewayOff.sentence)
                else:
                    await self._take(job)
            return await service.refund(refund.id)
        except CoinslotError as error:
            log.warning("refund_left_to_the_reconciler", refund=refund.id, code=error.code)
            return refund

    async def _take(self, job: RefundJob) -> None:
        """Takes the next step. A client that hangs up does not stop it halfway.

        Skipped if this process is at it already: by then this job would be outdated.
        """
        if self._steps.is_running(job.id):
            return
        await self._steps.run(job.id, lambda: self._step(job))

    def _gateway_of(self, job: RefundJob) -> Gateway | None:
        """None where this server could not have opened the payment: its keys are of others."""
        gateway = self._gateways.get(job.gateway)
        try:
            if gateway is not None:
                gateway.check_key(job.payment_key)
        except InvalidPaymentKey:
            return None
        return gateway

    async def _step(self, job: RefundJob) -> None:
        bind_order(job.order.order_id, refund=job.id, gateway=job.gateway)
        gateway = self._gateway_of(job)
        if gateway is None:
            # Another server may have its keys; if none has, a person is called.
            log.error("refund_gateway_off")
            return
        try:
            if job.todo == "ask":
                await self._ask(gateway, job)
            order_id = job.order.order_id
            settled = await self._settlements.settle(gateway, order_id, job.payment_key, "refund")
            log.info("refund_read", outcome=settled.outcome)
        except PaymentRefused as refusal:
            log.warning("refund_not_read", code=refusal.code)
        except CoinslotError as error:
            log.warning("refund_left_to_the_reconciler", code=error.code)
        except Exception:
            log.exception("refund_failed")

    async def _ask(self, gateway: Gateway, job: RefundJob) -> None:
        service = self._database.as_service()
        try:
            async with asyncio.timeout(SECONDS_TO_REFUND):
                await gateway.refund(_as_refund(job))
        except TimeoutError:
            log.warning("refund_asked_for_too_long")
            await service.record_refund_answer(job, "unknown", GatewayTimeout.code)
        except RefundDeclined as no:
            log.warning("refund_declined", gateway_code=no.gateway_code)
            await service.record_refund_answer(job, "declined", no.gateway_code, no.gateway_message)
        except RefundKeySpent as error:
            await service.record_refund_answer(job, "spent", error.code)
        except GatewayUnavailable as error:
            await service.record_refund_answer(job, "unknown", error.code)
        else:
            await service.record_refund_answer(job, "accepted")


def _as_refund(job: RefundJob) -> Refund:
    return Refund(
        order_id=job.order.order_id,
        payment_key=job.payment_key,
        amount=job.amount,
        refundable=job.refundable,
        currency=job.currency,
        reason=job.reason,
        id=job.id,
        key=job.key,
        account=RefundAccount(**job.account) if job.account else None,
    )
