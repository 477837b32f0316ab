"""`python -m sidecar refund | close-refund | reconcile | audit`: money by hand, without a server.

Amounts are given in minor units, and shown in the currency's own: 5000 KRW, 4.00 USD.
"""

from __future__ import annotations

import csv
import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO
from uuid import UUID

import typer
from rich.markup import escape
from rich.table import Table

from sidecar.commands import fail, out, run
from sidecar.commands.refund_account import ASK_HELP, FILE_HELP, refund_account

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from sidecar.database.records import AuditLine, AuditTotal, RefundRecord
    from sidecar.services import Services
    from sidecar.services.auditing import Audit

_COLUMNS = (
    *("gateway", "paid_at", "order_id", "payment_key", "currency", "paid", "refunded"),
    *("our_paid", "our_refunded", "tokens", "verdict", "problem"),
)
_AMOUNTS = {"paid", "refunded", "our_paid", "our_refunded"}
_REPORT_HELP = "Write every payment to this file; - prints it."
_DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


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
) -> None:
    """Give the money of an order back, and take back the tokens it bought."""
    from sidecar.database.refunds import RefundRequest  # noqa: PLC0415

    asked = RefundRequest(
        reason=reason,
        idempotency_key=key,
        amount=amount,
        force=force,
        payment_key=payment_key,
        account=refund_account(account, ask=ask_account),
    )

    async def refunded(services: Services) -> RefundRecord:
        return await services.refunding.refund(order, asked)

    made = run(refunded)
    shown = f"{_major(made.amount, made.currency)} {made.currency}, {made.tokens} tokens"
    out.print(f"{made.id}: {made.status} ({shown})", markup=False)
    if made.status == "failed":
        fail(f"{made.failure_message or ''} ({made.failure_code or 'no code'})")


def close_refund(
    refund: Annotated[UUID, typer.Argument(help="The id of the refund, as `refund` prints it.")],
    *,
    reason: Annotated[str, typer.Option(help="What you found at the gateway.")],
) -> None:
    """Give up a refund that stays open though the gateway knows nothing of it. Frees its tokens."""

    async def closed(services: Services) -> RefundRecord | None:
        return await services.database.as_service().close_refund(str(refund), reason)

    made = run(closed)
    if made is None:
        fail("There is no such refund")
    out.print(f"{made.id}: {made.status} ({made.failure_code})", markup=False)


def reconcile(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Do what is due now, and end. The server does the rest.")
    ] = False,
) -> None:
    """Read open orders and refunds again, expire what is over."""
    if not once:
        fail("Say --once: a server reconciles by itself, all the time")

    async def reconciled(services: Services) -> dict[str, Any]:
        await services.reconciler.maintain()
        return vars(await services.reconciler.once())

    done = run(reconciled)
    out.print(", ".join(f"{count} {name}" for name, count in done.items()))
    if done["unanswered"]:
        fail("A gateway did not answer: what is left is due again in half a minute")


def audit(
    gateway: Annotated[str, typer.Argument(help="portone, toss or stripe")],
    since: Annotated[datetime, typer.Argument(formats=_DATES, help="From this day, UTC.")],
    until: Annotated[datetime, typer.Argument(formats=_DATES, help="To before this day, UTC.")],
    report: Annotated[
        Path | None,
        typer.Option("--csv", dir_okay=False, writable=True, allow_dash=True, help=_REPORT_HELP),
    ] = None,
) -> None:
    """Hold a gateway's list of payments against ours: for the accountant, and for what is wrong."""
    begin, end = since.replace(tzinfo=UTC), until.replace(tzinfo=UTC)
    _check(begin, end, report)

    async def audited(services: Services) -> Audit | None:
        if gateway not in services.payments.gateways:
            return None
        made = await services.auditing.audit(gateway, begin, end, again=True)
        if made is not None and report is not None:
            await _write(report, services, made)
        return made

    made = run(audited)
    if made is None:
        fail(f"There is no gateway {gateway} here: it is unknown, or without its keys")
    # The report itself may be on its way to another program.
    if report != Path("-"):
        _show(made.totals)
    wrong = sum(t.payments for t in made.totals if t.verdict in {"unknown", "different", "missing"})
    if wrong:
        fail(f"{wrong} payments do not match: they are among the discrepancies")


def _check(begin: datetime, end: datetime, report: Path | None) -> None:
    """Before a month is read, not after it."""
    if begin >= end:
        fail("The first day comes before the last")
    if report is not None and not report.parent.is_dir():
        fail(f"There is no folder {report.parent} to write the report to")


async def _write(report: Path, services: Services, audit: Audit) -> None:
    with _opened(report) as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        async for line in services.auditing.report(audit.id):
            writer.writerow(_row(audit.gateway, line))


def _opened(report: Path) -> AbstractContextManager[TextIO]:
    return nullcontext(sys.stdout) if report == Path("-") else report.open("w", newline="")


def _row(gateway: str, line: AuditLine) -> list[str]:
    fields = {"gateway": gateway, **line.model_dump()}
    return [_cell(name, fields[name], line.currency) for name in _COLUMNS]


def _cell(name: str, value: object, currency: str) -> str:
    """A gateway's texts may be anybody's: a spreadsheet takes some of them for formulas."""
    if value is None:
        return ""
    if name in _AMOUNTS and isinstance(value, int):
        return _major(value, currency)
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _show(totals: Iterable[AuditTotal]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("verdict", "payments", "currency", "paid", "refunded", "ours", "ours refunded"):
        table.add_column(name, justify="left" if name in {"verdict", "currency"} else "right")
    table.add_column("tokens", justify="right")
    for total in totals:
        amounts = (total.paid, total.refunded, total.our_paid, total.our_refunded)
        shown = ["" if each is None else _major(each, total.currency) for each in amounts]
        table.add_row(
            *(total.verdict, str(total.payments), escape(total.currency), *shown),
            "" if total.tokens is None else str(total.tokens),
        )
    out.print(table)


def _major(amount: int, currency: str) -> str:
    from sidecar.gateways.money import to_major  # noqa: PLC0415

    return str(to_major(amount, currency))
