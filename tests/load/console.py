"""The console of a large shop: `python -m tests.load.console --payments 1000000`.

Ten entries of the ledger for each payment, over a year and a hundred thousand wallets, of which
three are large. Prints the best of five times of each list with each filter, of deep pages, of what
is looked at in full, of searches, reports of a year and first pages of exports, beside its budget.
`cold` is the first time, after the server was started anew. The proof of a large wallet has no
budget: see docs/console.md. Where one is over, the statements that took longest follow with their
plans. Ends with an error where a list takes more than 100 ms of the CPU or a report more than 1 s:
what passes besides is a wait for others. `--keep` leaves the database in .bench/console for the
next time.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, LiteralString, NamedTuple

import psycopg
import typer

from devstack.postgres import SUPERUSER
from devstack.settings import ROOT, DevstackSettings
from devstack.stack import Stack
from tests.reports import large_shop
from tests.reports.large_shop import Shop
from tests.support.clusters import Cluster, devstack_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER = ROOT / ".bench" / "console"
_LIST, _REPORT = 0.1, 1.0
_DEEP = ("orders", "refunds", "customers", "webhooks", "subscriptions", "actions", "cash_receipts")
_STEPS = ("day", "all")


class Call(NamedTuple):
    """A call of the console, and the seconds that it may take."""

    title: str
    query: LiteralString
    values: tuple[object, ...]
    budget: float = _LIST


def main(
    payments: Annotated[int, typer.Option(help="Orders of a year.")] = 1_000_000,
    wallets: Annotated[int, typer.Option(help="Whose they are.")] = 100_000,
    only: Annotated[str, typer.Option(help="Part of what is asked for, as it is printed.")] = "",
    keep: Annotated[bool, typer.Option("--keep", help="Keep the database.")] = False,
) -> None:
    with _running() as cluster:
        url = cluster.url(cluster.template("strict"), SUPERUSER)
        _fill(url, payments, wallets)
        cluster.restart()
        over = _measure(url, only)
    if not keep:
        Stack(_settings(), dotenv=None).delete()
    if over:
        typer.echo(f"{over} calls take too long", err=True)
        raise typer.Exit(1)


@contextmanager
def _running() -> Iterator[Cluster]:
    cluster = Cluster(_settings())
    if (cluster.placement.data_dir / "PG_VERSION").exists():
        cluster.go_on()
    else:
        cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()


def _settings() -> DevstackSettings:
    return devstack_settings("console").model_copy(update={"devstack_dir": _FOLDER})


def _fill(url: str, payments: int, wallets: int) -> None:
    """Unless that was done before. A fill that was cut short has to be deleted with its folder."""
    with psycopg.connect(url, autocommit=True) as connection:
        if large_shop.one(connection, "select exists (select from public.token_payments)"):
            return
        for file in ("year.sql", "lists.sql"):
            large_shop.fill(connection, file, payments=payments, wallets=wallets)
            typer.echo(f"{file} is filled in")
        connection.execute("analyze")
        large_shop.sum_up(connection)
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def _measure(url: str, only: str) -> int:
    over = 0
    with psycopg.connect(url, autocommit=True) as connection:
        shop = Shop.of(connection)
        typer.echo(f"{'best':>9} {'of CPU':>9} {'cold':>9} {'budget':>7}  in ms")
        for call in _calls(shop):
            if only not in call.title:
                continue
            times = [_times(shop, call) for _ in range(5)]
            best, cpu = (min(each[at] for each in times) for at in range(2))
            over += cpu > call.budget
            figures = f"{1000 * best:9.1f} {1000 * cpu:9.1f} {1000 * times[0][0]:9.1f}"
            late = "   <- over" if cpu > call.budget else ""
            typer.echo(f"{figures} {1000 * call.budget:7.0f}  {call.title}{late}")
            if late:
                _explain(shop, call)
    return over


def _times(shop: Shop, call: Call) -> tuple[float, float]:
    """Seconds that passed, and those of the CPU."""
    asked = shop.asks(call.query, *call.values)
    return asked.seconds, asked.cpu


def _calls(shop: Shop) -> Iterator[Call]:
    for name, filters in shop.lists():
        yield Call(f"{name} {_told(filters)}", large_shop.PAGE, (name, json.dumps(filters), None))
    for name in _DEEP:
        yield Call(f"{name}, deep", large_shop.PAGE, (name, "{}", _deep(shop, name)))
    entries = json.dumps({"user": shop.large})
    yield Call("entries, deep", large_shop.PAGE, ("entries", entries, "5000"))
    for q in (*large_shop.SEARCHED, shop.large):
        yield Call(f"search {q}", large_shop.SEARCH, (q,))
    for what, of in (*shop.things(), ("attention", None)):
        budget = _REPORT if what == "proof" else _LIST
        yield Call(f"one {what} {of or ''}", large_shop.GET, (what, of), budget)
    yield Call("one proof of a large wallet", large_shop.GET, ("proof", shop.large), float("inf"))
    yield from _reports(shop)
    yield from _exports(shop)


def _told(filters: dict[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in filters.items())


def _deep(shop: Shop, name: str) -> str:
    """The cursor of what is half a year old."""
    then = datetime.now(UTC) - timedelta(days=180)
    if name in {"webhooks", "actions"}:
        table = {"webhooks": "webhooks", "actions": "operator_actions"}[name]
        return str(large_shop.one(shop.connection, f"select max(id) / 2 from coinslot.{table}"))
    at = large_shop.one(
        shop.connection, "select coinslot.cursor_of(%s, md5('user 7')::uuid::text)", then
    )
    return str(at)


def _reports(shop: Shop) -> Iterator[Call]:
    today = datetime.now(UTC).date()
    span = {"from": str(today - timedelta(days=364)), "to": str(today)}
    for report in large_shop.one(shop.connection, "select coinslot.report_names()"):
        for zone in ("Asia/Seoul", "Asia/Kolkata"):
            for step in _STEPS:
                options = json.dumps(span | {"zone": zone, "step": step})
                title = f"report {report} of a year by {step} in {zone}"
                yield Call(title, large_shop.REPORT, (report, options), _REPORT)


def _exports(shop: Shop) -> Iterator[Call]:
    shop.asks("select token_console_act('note_order', 'ord_year000000050001', 'r', 'warm', '{}')")
    for name in large_shop.EXPORTS:
        key = f"{name} {datetime.now(UTC).timestamp()}"
        begun = shop.asks(large_shop.BEGIN_EXPORT, name, key).answer["answer"]["id"]
        filters = json.dumps({"export": begun})
        yield Call(f"export of {name}", large_shop.EXPORT, (filters, None), 3 * _LIST)
        shop.asks("select token_console_act('remove_export', %s, 'r', %s)", begun, begun)


def _explain(shop: Shop, call: Call) -> None:
    """The statements inside that took the longest, with their plans."""
    told: list[str] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        told.append(str(notice.message_primary))

    connection = shop.connection
    connection.execute("load 'auto_explain'")
    for setting in ("log_min_duration = 50", "log_nested_statements = on", "log_analyze = on"):
        connection.execute(f"set auto_explain.{setting}".encode())
    connection.execute("set client_min_messages = log")
    connection.add_notice_handler(hear)
    _times(shop, call)
    connection.remove_notice_handler(hear)
    connection.execute("set client_min_messages = warning")
    connection.execute("set auto_explain.log_min_duration = -1")
    for plan in told[:3]:
        typer.echo("\n".join(plan.splitlines()[:70]))


if __name__ == "__main__":
    typer.run(main)
