"""`coinslot webhooks …`: what gateways sent, and doing it again.

Needs no running server. Bodies are not shown: what a person needs to find a webhook is in its row,
and the row names the payment to look up at the gateway.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from coinslot.cli.command_group import command_group
from coinslot.cli.deployment import run
from coinslot.cli.terminal import AsJson, err, out

if TYPE_CHECKING:
    from coinslot.database.records import Webhook
    from coinslot.services import Services

app = command_group("The inbox of webhooks.")

_COLUMNS = ("id", "received", "gateway", "event", "order", "payment", "outcome", "next")
_PAGE = 1000
# For what a running server has taken from under this command's hands: a lease, and its processing.
_SECONDS_TO_WAIT = 60

Gateway = Annotated[str | None, typer.Option(help="Only of this gateway.")]
Outcome = Annotated[str | None, typer.Option(help="Only with this outcome: failed, refused, …")]
Order = Annotated[str | None, typer.Option(help="Only of this order.")]


@app.command("list")
def list_(
    gateway: Gateway = None,
    outcome: Outcome = None,
    order: Order = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what was received, and what became of it."""

    async def listed(services: Services) -> list[Webhook]:
        return await _matching(services, gateway, outcome, order, limit)

    found = run(listed)
    if as_json:
        out.print_json(found)
    else:
        out.print_table(_COLUMNS, map(_cells, found))


@app.command()
def replay(
    gateway: Gateway = None,
    outcome: Outcome = None,
    order: Order = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Follow matching webhooks again, and show what came of each. Harmless to repeat: what was
    credited is not credited twice."""

    async def replayed(services: Services) -> list[Webhook]:
        chosen = await _matching(services, gateway, outcome, order)
        service = services.database.as_service()
        await service.replay_webhooks(gateway, outcome, order)
        with err.progress(f"replaying {len(chosen)} webhooks") as tell:
            await services.inbox.work_off(lambda begun: tell(f"{begun} begun"))
            return await _finished(services, [webhook.id for webhook in chosen], gateway, order)

    webhooks = run(replayed)
    if as_json:
        out.print_json(webhooks)
        return
    out.print_table(_COLUMNS, map(_cells, webhooks))
    open_ = sum(webhook.next_attempt_at is not None for webhook in webhooks)
    out.print(f"{len(webhooks)} replayed, {open_} of them to be tried again")


async def _matching(
    services: Services,
    gateway: str | None,
    outcome: str | None,
    order: str | None,
    limit: int | None = None,
) -> list[Webhook]:
    """Newest first; all of them without a limit."""
    found: list[Webhook] = []
    before = None
    while limit is None or len(found) < limit:
        size = _PAGE if limit is None else min(_PAGE, limit - len(found))
        page = await services.database.as_service().list_webhooks(
            gateway, outcome, order, size, before
        )
        # A short page is not the last: PostgREST may give fewer rows than it is asked for.
        if not page:
            break
        found += page
        before = page[-1].id
    return found


async def _finished(
    services: Services, ids: list[int], gateway: str | None, order: str | None
) -> list[Webhook]:
    """As they are once none of them is under way any more, here or in a server beside us."""
    import asyncio  # noqa: PLC0415 - `--help` does without it

    give_up = time.monotonic() + _SECONDS_TO_WAIT
    while True:
        wanted = set(ids)
        now = [w for w in await _matching(services, gateway, None, order) if w.id in wanted]
        if time.monotonic() > give_up or all(w.outcome != "received" for w in now):
            return now
        await asyncio.sleep(0.5)


def _cells(webhook: Webhook) -> tuple[str, ...]:
    outcome = f"{webhook.outcome} ({webhook.detail})" if webhook.detail else webhook.outcome
    if webhook.deliveries > 1:
        outcome += f", delivered {webhook.deliveries} times"
    return (
        str(webhook.id),
        webhook.received_at[:19],
        webhook.gateway,
        webhook.event_type,
        webhook.order_id,
        webhook.payment_key,
        outcome,
        (webhook.next_attempt_at or "")[:19],
    )
