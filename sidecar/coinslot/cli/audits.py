"""`coinslot audit`: a gateway's list of payments against ours, as a table and as CSV."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from coinslot.cli.amounts import major
from coinslot.cli.deployment import run
from coinslot.cli.terminal import AsJson, err, fail, out

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from coinslot.database.audit_records import AuditLine, AuditTotal
    from coinslot.payments.audits import Audit
    from coinslot.services import Services

_COLUMNS = (
    *("gateway", "moved_at", "order_id", "payment_key", "currency", "paid", "refunded"),
    *("our_paid", "our_refunded", "tokens", "verdict", "problem"),
)
_AMOUNTS = {"paid", "refunded", "our_paid", "our_refunded"}
_REPORT_HELP = "Write every payment to this file; - prints it."
_ACCEPT_HELP = "Finish it with the rows that cannot be read, once you know what they are."
_DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


def audit(
    gateway: Annotated[str, typer.Argument(help="As in coinslot.gateways.")],
    since: Annotated[datetime, typer.Argument(formats=_DATES, help="From this day, UTC.")],
    until: Annotated[datetime, typer.Argument(formats=_DATES, help="To before this day, UTC.")],
    report: Annotated[
        Path | None,
        typer.Option("--csv", dir_okay=False, writable=True, allow_dash=True, help=_REPORT_HELP),
    ] = None,
    *,
    accept_odd: Annotated[bool, typer.Option("--accept-odd", help=_ACCEPT_HELP)] = False,
    as_json: AsJson = False,
) -> None:
    """Hold a gateway's list of payments that moved against ours: for the accountant, and for what
    is wrong. The exit status is not 0 where payments do not match or rows cannot be read."""
    begin, end = since.replace(tzinfo=UTC), until.replace(tzinfo=UTC)
    _check(begin, end, report, as_json=as_json)

    async def audited(services: Services) -> Audit | None:
        if gateway not in services.gateways:
            return None
        with err.progress(f"auditing {gateway}") as tell:
            made = await services.audits.audit(
                gateway, begin, end, again=True, accept=accept_odd, tell=tell
            )
            if made is not None and report is not None:
                tell("writing the report")
                await _write(report, services, made)
        return made

    made = run(audited)
    if made is None:
        fail(f"There is no gateway {gateway} here: it is unknown, or without its keys")
    _show(made, report, as_json=as_json)
    _judge(made)


def _show(made: Audit, report: Path | None, *, as_json: bool) -> None:
    if as_json:
        out.print_json(_answer(made))
    # The report itself may be on its way to another program.
    elif report != Path("-"):
        _show_totals(made.totals)
    _show_odd(made)


def _judge(made: Audit) -> None:
    """Ends the command with what is wrong, if anything is."""
    wrong = sum(t.payments for t in made.totals if t.verdict in {"unknown", "different", "missing"})
    problems = [f"{wrong} payments do not match: they are among the discrepancies"] * bool(wrong)
    if not made.finished:
        problems.append(f"{made.odd.count} rows cannot be read: the window is not finished")
    if problems:
        fail(". ".join(problems))


def _answer(made: Audit) -> dict[str, object]:
    """The totals, and the rows that cannot be read."""
    odd = {"count": made.odd.count, "first": [asdict(row) for row in made.odd.first]}
    return {"audit": made.id, "finished": made.finished, "totals": made.totals, "odd": odd}


def _show_odd(made: Audit) -> None:
    """Beside the report, which may be on its way to another program."""
    for row in made.odd.first:
        err.print(f"cannot be read: {row.key or 'a row without a key'}: {row.why}", markup=False)
    if made.odd.count > len(made.odd.first):
        err.print(f"and {made.odd.count - len(made.odd.first)} more")


def _check(begin: datetime, end: datetime, report: Path | None, *, as_json: bool) -> None:
    """Before a month is read, not after it."""
    if as_json and report == Path("-"):
        fail("Say --json or --csv -, not both: each is all that is printed")
    if begin >= end:
        fail("The first day comes before the last")
    if report is not None and not report.parent.is_dir():
        fail(f"There is no folder {report.parent} to write the report to")


async def _write(report: Path, services: Services, audit: Audit) -> None:
    import csv  # noqa: PLC0415 - `--help` does without it

    with _opened(report) as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        async for line in services.audits.report(audit.id):
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
        return major(value, currency)
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _show_totals(totals: Iterable[AuditTotal]) -> None:
    from rich.markup import escape  # noqa: PLC0415 - `--help` does without it
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False)
    for name in ("verdict", "payments", "currency", "paid", "refunded", "ours", "ours refunded"):
        table.add_column(name, justify="left" if name in {"verdict", "currency"} else "right")
    table.add_column("tokens", justify="right")
    for total in totals:
        amounts = (total.paid, total.refunded, total.our_paid, total.our_refunded)
        shown = ["" if each is None else major(each, total.currency) for each in amounts]
        table.add_row(
            *(total.verdict, str(total.payments), escape(total.currency), *shown),
            "" if total.tokens is None else str(total.tokens),
        )
    out.print(table)
