"""Events for the app's endpoints: claimed, signed, sent, and their end reported.

Each endpoint has places of its own, so that a slow one delays no other. A process that dies between
its claim and its report leaves a lease, after which any process sends the event again: it arrives
at least once.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

import structlog

from coinslot.errors import CoinslotError
from coinslot.jitter import about
from coinslot.metrics import DELIVERIES, DELIVERY_SECONDS, RUNS, expect_work
from coinslot.outbox.endpoint_client import Answer, EndpointClient
from coinslot.outbox.endpoints import PURPOSE
from coinslot.outbox.signing import signed_headers

if TYPE_CHECKING:
    from coinslot.database import Database
    from coinslot.database.endpoints import DeliveryJob
    from coinslot.outbox.addresses import AddressRules
    from coinslot.settings.deployment import Settings
    from coinslot.shutdown import Shutdown

log = structlog.get_logger(__name__)

# Of each endpoint: deliveries that are claimed at a time, and that are under way when it counts as
# busy.
_CLAIMED = 16
_BUSY = 8
# A verdict frees the next delivery of a wallet: it is looked for after this time.
_SECONDS_TO_NEXT = 0.05
_WORK = "deliver"


class Deliveries:
    def __init__(
        self, database: Database, settings: Settings, rules: AddressRules, shutdown: Shutdown
    ) -> None:
        self._database = database
        self._keys = settings.secret_keys
        self._client = EndpointClient(rules, settings.coinslot_endpoint_seconds)
        self._shutdown = shutdown
        self._seconds = settings.coinslot_delivery_seconds
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._ended = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Looks for what is to be sent, again and again, until the shutdown."""
        expect_work(_WORK)
        self._loop = asyncio.create_task(self._run())

    async def claim(self) -> int:
        """Begins what is due now, for each endpoint that has room; how many."""
        busy = [each for each, count in Counter(self._tasks.values()).items() if count >= _BUSY]
        jobs = await self._database.as_service().claim_deliveries(busy, _CLAIMED)
        for job in jobs:
            task = asyncio.create_task(self._deliver(job))
            self._tasks[task] = job.endpoint_id
            task.add_done_callback(self._end)
        return len(jobs)

    async def work_off(self) -> None:
        """Sends everything that is due now, in this process alone."""
        while await self.claim() or self._tasks:
            await asyncio.wait(set(self._tasks), return_when=asyncio.FIRST_COMPLETED)

    async def settle(self, seconds: float) -> None:
        """Waits for what is being sent, and leaves to its lease what takes longer."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=seconds)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        await self.settle(self._shutdown.left())
        await self._client.close()

    def _end(self, task: asyncio.Task[None]) -> None:
        del self._tasks[task]
        self._ended.set()

    async def _run(self) -> None:
        while not await self._shutdown.within(_SECONDS_TO_NEXT):
            self._ended.clear()
            result = "failed"
            try:
                await self.claim()
                result = "done"
            except CoinslotError as error:
                log.warning("repeated_work_failed", work=_WORK, code=error.code)
            except Exception:
                log.exception("repeated_work_failed", work=_WORK)
            RUNS.labels(_WORK, result).inc()
            await self._rest()

    async def _rest(self) -> None:
        """Until the next look is due, or something has ended that others may have waited for."""
        ended = asyncio.create_task(self._ended.wait())
        stopped = asyncio.create_task(self._shutdown.within(about(self._seconds)))
        try:
            await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            stopped.cancel()
            await asyncio.gather(ended, stopped, return_exceptions=True)

    async def _deliver(self, job: DeliveryJob) -> None:
        began = time.perf_counter()
        answer = await self._sent(job)
        seconds = time.perf_counter() - began
        outcome = _outcome(answer)
        DELIVERY_SECONDS.observe(seconds)
        DELIVERIES.labels(outcome).inc()
        log.info(
            "event_sent",
            event_id=job.event_id,
            type=job.type,
            endpoint=job.endpoint_id,
            attempt=job.attempt,
            status=answer.status,
            outcome=outcome,
            error=answer.error or None,
            ms=round(seconds * 1000),
        )
        try:
            await self._database.as_service().finish_delivery(
                job,
                outcome,
                status=answer.status,
                error=answer.error or None,
                answer=answer.text or None,
                milliseconds=round(seconds * 1000),
                retry_after=answer.retry_after,
            )
        except CoinslotError as error:
            log.warning("event_left_to_its_lease", event_id=job.event_id, code=error.code)

    async def _sent(self, job: DeliveryJob) -> Answer:
        try:
            secrets = [
                self._keys.open(each, purpose=PURPOSE, owner=job.endpoint_id).decode()
                for each in job.secrets
            ]
        except CoinslotError as error:
            log.error("endpoint_secret_not_opened", endpoint=job.endpoint_id, code=error.code)  # noqa: TRY400 - its code says it
            return Answer(error=error.code)
        headers = signed_headers(job.event_id, job.body, secrets)
        return await self._client.post(job.url, headers, job.body.encode())


def _outcome(answer: Answer) -> str:
    """`gone`: the endpoint says that it wants nothing any more (410)."""
    if answer.arrived:
        return "delivered"
    return "gone" if answer.status == 410 else "failed"
