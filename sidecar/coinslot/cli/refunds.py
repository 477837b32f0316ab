"""`coinslot refund`, `accept-refund`, `close-refund`: refunds by hand, without a running server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from coinslot.cli.amounts import major
from coinslot.cli.deployment import run
from coinslot.cli.refund_account import ASK_HELP, FILE_HELP, refund_account
from coinslot.cli.terminal import AsJson, fail, out

if TYPE_CHECKING:
    from coinslot.database.records import RefundRecord
    from coinslot.services import Services


def refund(
    order: Annotated[str, typer.Argument(help="The order: ord_…")],
    *,
    reason: Annotated[str, typer.Option(help="Why; the gateway keeps it, too.")],
    key: Annotated[str, typer.Option(help="Idempotency key: one refund per order and key.")],
    amount: Annotated[
        int | None, typer.Option(min=1, help="Minor units; all that is left by default.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Take tokens that were spent: the balance may go below.")
    ] = False,
    payment_key: Annotated[
        str | None, typer.Option(help="Of another attempt than the one that was credited.")
    ] = None,
    account: Annotated[
        Path | None, typer.Option(dir_okay=False, allow_dash=True, help=FILE_HELP)
    ] = None,
    ask_account: Annotated[bool, typer.Option("--ask-account", help=ASK_HELP)] = False,
    as_json: AsJson = False,
) -> None:
    """Give the money of an order back, and take back the tokens it bought."""
    from coinslot.database.refunds import RefundRequest  # noqa: PLC0415

    asked = RefundRequest(
        reason=reason,
        idempotency_key=key,
        amount=amount,
        force=force,
        payment_key=payment_key,
        account=refund_account(account, ask=ask_account),
    )

    async def refunded(services: Services) -> RefundRecord:
        return await services.refunds.refund(order, asked)

    _show(run(refunded), as_json=as_json)


def accept_refund(
    order: Annotated[str, typer.Argument(help="The order: ord_…")],
    *,
    account: Annotated[
        Path | None, typer.Option(dir_okay=False, allow_dash=True, help=FILE_HELP)
    ] = None,
    ask_account: Annotated[bool, typer.Option("--ask-account", help=ASK_HELP)] = False,
    as_json: AsJson = False,
) -> None:
    """Give back the money of an order of which a refund is proposed: see `discrepancies list`."""
    to = refund_account(account, ask=ask_account)

    async def accepted(services: Services) -> RefundRecord:
        return await services.refunds.accept(order, to)

    _show(run(accepted), as_json=as_json)


def _show(made: RefundRecord, *, as_json: bool) -> None:
    if as_json:
        out.print_json(made)
    else:
        shown = f"{major(made.amount, made.currency)} {made.currency}, {made.tokens} tokens"
        out.print(f"{made.id}: {made.status} ({shown})", markup=False)
    if made.status == "failed":
        fail(f"{made.failure_message or ''} ({made.failure_code or 'no code'})")


def close_refund(
    refund: Annotated[UUID, typer.Argument(help="The id of the refund, as `refund` prints it.")],
    *,
    reason: Annotated[str, typer.Option(help="What you found at the gateway.")],
    as_json: AsJson = False,
) -> None:
    """Give up a refund that stays open though the gateway knows nothing of it. Frees its tokens."""

    async def closed(services: Services) -> RefundRecord | None:
        return await services.database.as_service().close_refund(str(refund), reason)

    made = run(closed)
    if made is None:
        fail("There is no such refund")
    if as_json:
        out.print_json(made)
    else:
        out.print(f"{made.id}: {made.status} ({made.failure_code})", markup=False)
