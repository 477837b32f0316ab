"""The RPCs of the app's endpoints: of operators, of the service, of what is sent."""

from __future__ import annotations

from typing import Any, Protocol

from coinslot.database.caller import Caller
from coinslot.database.records import Record
from coinslot.database.rpc_names import Rpc


class Endpoint(Record):
    """An address that is told of events. `secret_key` is the id of the key that sealed its secret.

    `types` is None where it is told of everything.
    """

    id: str
    name: str
    url: str
    types: list[str] | None
    active: bool
    off_reason: str | None
    failing_since: str | None
    secret_key: str
    old_secret_until: str | None
    pending: int
    parked: int
    created_at: str


class Delivery(Record):
    """A line of the delivery log. `status` is the HTTP status of the last answer."""

    id: int
    endpoint_id: str
    event_id: str
    type: str
    user_id: str | None
    seq: int | None
    state: str
    attempts: int
    next_attempt_at: str | None
    status: int | None
    error: str | None
    answer: str | None
    milliseconds: int | None
    created_at: str
    finished_at: str | None
    happened_at: str


class DeliveryJob(Record):
    """An event to be sent now. `secrets` are sealed; `attempt` is the number of this claim."""

    id: int
    attempt: int
    endpoint_id: str
    url: str
    secrets: list[str]
    event_id: str
    type: str
    body: str


class Replayed(Record):
    """Deliveries that are sent again. `next`: the time to go on from, None where that was all."""

    deliveries: int
    next: str | None = None


class EndpointAuthority(Protocol):
    """An operator or the service, who add and rotate."""

    async def add_endpoint(
        self, endpoint_id: str, url: str, sealed: str, *, name: str, types: list[str] | None,
        reason: str,
    ) -> Endpoint: ...  # fmt: skip

    async def rotate_endpoint(
        self, endpoint_id: str, sealed: str, *, keep_seconds: int, reason: str
    ) -> Endpoint: ...


class EndpointOwner(Caller):
    """The two that bring a secret, under an operator's JWT or the service key."""

    rpc_add: Rpc
    rpc_rotate: Rpc

    async def add_endpoint(
        self,
        endpoint_id: str,
        url: str,
        sealed: str,
        *,
        name: str,
        types: list[str] | None,
        reason: str,
    ) -> Endpoint:
        return await self.record(
            Endpoint,
            self.rpc_add,
            id=endpoint_id,
            url=url,
            secret=sealed,
            name=name,
            types=types,
            reason=reason,
        )

    async def rotate_endpoint(
        self, endpoint_id: str, sealed: str, *, keep_seconds: int, reason: str
    ) -> Endpoint:
        return await self.record(
            Endpoint,
            self.rpc_rotate,
            id=endpoint_id,
            secret=sealed,
            keep_seconds=keep_seconds,
            reason=reason,
        )


class EndpointDatabase(EndpointOwner):
    """The RPCs of the service alone."""

    rpc_add = Rpc.ADD_ENDPOINT
    rpc_rotate = Rpc.ROTATE_ENDPOINT

    async def list_endpoints(self) -> list[Endpoint]:
        return [Endpoint.model_validate(row) for row in await self.call(Rpc.LIST_ENDPOINTS)]

    async def set_endpoint(
        self,
        endpoint_id: str,
        *,
        active: bool,
        reason: str,
        **changes: Any,  # noqa: ANN401 - JSON
    ) -> Endpoint:
        return await self.record(
            Endpoint, Rpc.SET_ENDPOINT, id=endpoint_id, active=active, reason=reason, **changes
        )

    async def test_endpoint(self, endpoint_id: str) -> str:
        """The id of the event that it is sent."""
        return str(await self.call(Rpc.TEST_ENDPOINT, id=endpoint_id))

    async def replay_endpoint(
        self,
        endpoint_id: str,
        *,
        event_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
        reason: str = "",
    ) -> Replayed:
        return await self.record(
            Replayed,
            Rpc.REPLAY_ENDPOINT,
            id=endpoint_id,
            event_id=event_id,
            since=since,
            until=until,
            reason=reason,
        )

    async def list_deliveries(
        self,
        endpoint_id: str,
        *,
        state: str | None = None,
        page_size: int = 50,
        before: int | None = None,
    ) -> list[Delivery]:
        rows = await self.call(
            Rpc.LIST_DELIVERIES, id=endpoint_id, state=state, page_size=page_size, before=before
        )
        return [Delivery.model_validate(row) for row in rows]

    async def claim_deliveries(self, busy: list[str], batch: int) -> list[DeliveryJob]:
        """So many of each endpoint that is not `busy`; they are this process's for two minutes."""
        rows = await self.call(Rpc.CLAIM_DELIVERIES, busy=busy, batch=batch)
        return [DeliveryJob.model_validate(row) for row in rows]

    async def finish_delivery(
        self,
        job: DeliveryJob,
        outcome: str,
        *,
        status: int | None,
        error: str | None,
        answer: str | None,
        milliseconds: int,
        retry_after: int | None,
    ) -> str | None:
        """Reports a try. The state of the delivery since: pending, delivered or parked."""
        state: str | None = await self.call(
            Rpc.FINISH_DELIVERY,
            delivery_id=job.id,
            attempt=job.attempt,
            outcome=outcome,
            status=status,
            error=error,
            answer=answer,
            milliseconds=milliseconds,
            retry_after=retry_after,
        )
        return state
