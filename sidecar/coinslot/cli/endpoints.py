"""`coinslot endpoints …`: the addresses of the app that are told of events."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from coinslot.cli.command_group import command_group
from coinslot.cli.deployment import run
from coinslot.cli.terminal import REFUSED, AsJson, fail, out

if TYPE_CHECKING:
    from coinslot.billing.resealing import Resealed
    from coinslot.database.endpoints import Delivery, Endpoint
    from coinslot.outbox.endpoints import NewSecret
    from coinslot.services import Services

app = command_group("Endpoints: addresses of your app that are told of what happens.")

_COLUMNS = ("id", "url", "types", "state", "pending", "parked", "key")
_LOG = ("id", "event", "type", "state", "tries", "status", "error", "happened")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_AGO = re.compile(r"([0-9]{1,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_BETWEEN_LOOKS = 0.3


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise typer.BadParameter("is not the id of an endpoint: coinslot endpoints list")
    return text


Id = Annotated[str, typer.Argument(metavar="ID", callback=_id, help="As list shows it.")]
Reason = Annotated[str, typer.Option(help="Kept with who did it.")]
Types = Annotated[
    list[str] | None,
    typer.Option("--type", help="A kind of event, such as payment.completed; may be repeated."),
]


@app.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="https; in test mode http here, too.")],
    *,
    types: Types = None,
    name: Annotated[str, typer.Option(help="For you.")] = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Add an address, which is told of what happens from now on, and show its secret once."""

    async def added(services: Services) -> NewSecret:
        service = services.database.as_service()
        return await services.endpoints.add(
            service, url, name=name, types=types or None, reason=reason
        )

    _show_secret(run(added), as_json=as_json)


@app.command()
def rotate(
    endpoint_id: Id,
    *,
    keep_hours: Annotated[
        int, typer.Option(min=0, max=168, help="Signed with the old secret, too, for so long.")
    ] = 24,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Make a new secret, and show it once."""

    async def rotated(services: Services) -> NewSecret:
        service = services.database.as_service()
        return await services.endpoints.rotate(
            service, endpoint_id, keep_seconds=keep_hours * 3600, reason=reason
        )

    _show_secret(run(rotated), as_json=as_json)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show all endpoints, and what is to be sent to them."""

    async def listed(services: Services) -> list[Endpoint]:
        return await services.database.as_service().list_endpoints()

    found = run(listed)
    if as_json:
        out.print_json(found)
    else:
        out.print_table(_COLUMNS, map(_cells, found))


@app.command()
def disable(endpoint_id: Id, *, reason: Reason = "", as_json: AsJson = False) -> None:
    """Send an endpoint nothing more. What was to be sent is parked."""
    _switch(endpoint_id, active=False, reason=reason, as_json=as_json)


@app.command()
def enable(endpoint_id: Id, *, reason: Reason = "", as_json: AsJson = False) -> None:
    """Tell an endpoint again, of what happens from now on. replay sends what it missed."""
    _switch(endpoint_id, active=True, reason=reason, as_json=as_json)


@app.command("test")
def try_(
    endpoint_id: Id,
    *,
    seconds: Annotated[int, typer.Option(min=1, max=120, help="To wait for its answer.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Send an endpoint an event of its own, by a running server, and wait for its answer."""

    async def tried(services: Services) -> Delivery | None:
        service = services.database.as_service()
        event = await service.test_endpoint(endpoint_id)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for each in await service.list_deliveries(endpoint_id, page_size=20):
                if each.event_id == event and (
                    each.state != "pending" or each.status or each.error
                ):
                    return each
            await asyncio.sleep(_BETWEEN_LOOKS)
        return None

    found = run(tried)
    if found is None:
        fail(f"Nothing was sent within {seconds} seconds: does a server run?")
    if as_json:
        out.print_json(found)
    else:
        out.print_table(_LOG, [_line(found)])
    if found.state != "delivered":
        raise typer.Exit(REFUSED)


@app.command()
def replay(
    endpoint_id: Id,
    *,
    event: Annotated[str | None, typer.Option(help="The id of one event, evt_….")] = None,
    since: Annotated[
        str | None, typer.Option(help="All of that time: 2026-12-01T09:00+09:00, or 3h, 2d ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="With --since; without: until now.")] = None,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Send again what is parked, or one event, or all of a time. Receivers know them by id."""
    begin, end = _time(since, "--since"), _time(until, "--until")
    if (event is not None and begin is not None) or (end is not None and begin is None):
        raise typer.BadParameter("takes --event, or --since with or without --until")

    async def replayed(services: Services) -> int:
        service = services.database.as_service()
        count, after = 0, begin
        while True:
            done = await service.replay_endpoint(
                endpoint_id, event_id=event, since=after, until=end, reason=reason
            )
            count += done.deliveries
            if done.next is None or (after == done.next and not done.deliveries):
                return count
            after = done.next if begin is not None else None

    count = run(replayed)
    if as_json:
        out.print_json({"deliveries": count})
    else:
        out.print(f"{count} deliveries are sent again")


@app.command()
def reseal(*, as_json: AsJson = False) -> None:
    """Seal all secrets, those of stored methods as well, with the first of COINSLOT_SECRET_KEYS."""

    async def resealed(services: Services) -> Resealed:
        return await services.resealing.work_off()

    done = run(resealed)
    if as_json:
        out.print_json(asdict(done))
    else:
        out.print(f"{done.resealed} secrets are sealed with the key '{done.key}' now")
        for each in done.unreadable:
            out.print(each, markup=False)
        out.print(f"{done.left} are left" if done.left else "None is left: others may be removed")
    if done.left:
        raise typer.Exit(REFUSED)


@app.command()
def log(
    endpoint_id: Id,
    *,
    state: Annotated[str | None, typer.Option(help="pending, delivered or parked.")] = None,
    number: Annotated[int, typer.Option(min=1, max=500, help="How many, the latest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what an endpoint was told, and what it said."""

    async def listed(services: Services) -> list[Delivery]:
        return await services.database.as_service().list_deliveries(
            endpoint_id, state=state, page_size=number
        )

    found = run(listed)
    if as_json:
        out.print_json(found)
    else:
        out.print_table(_LOG, map(_line, found))


def _switch(endpoint_id: str, *, active: bool, reason: str, as_json: bool) -> None:
    async def switched(services: Services) -> Endpoint:
        return await services.database.as_service().set_endpoint(
            endpoint_id, active=active, reason=reason
        )

    done = run(switched)
    if as_json:
        out.print_json(done)
    else:
        out.print_table(_COLUMNS, [_cells(done)])


def _show_secret(made: NewSecret, *, as_json: bool) -> None:
    if as_json:
        out.print_json(made.shown())
        return
    out.print_table(_COLUMNS, [_cells(made.endpoint)])
    out.print(f"Its secret, which is not shown again: {made.secret}", markup=False, fold=False)


def _cells(each: Endpoint) -> tuple[str, ...]:
    types = "all" if each.types is None else ", ".join(each.types)
    state = f"off ({each.off_reason})" if not each.active else "on"
    if each.active and each.failing_since:
        state = f"failing since {each.failing_since[:16]}"
    return each.id, each.url, types, state, str(each.pending), str(each.parked), each.secret_key


def _line(each: Delivery) -> tuple[str, ...]:
    status = "" if each.status is None else str(each.status)
    what = (str(each.id), each.event_id, each.type, each.state, str(each.attempts))
    return *what, status, each.error or "", each.happened_at


def _time(text: str | None, option: str) -> str | None:
    """An ISO 8601 time, or how long ago."""
    if text is None:
        return None
    if found := _AGO.fullmatch(text):
        ago = timedelta(**{_UNITS[found[2]]: int(found[1])})
        return (datetime.now(UTC) - ago).isoformat()
    try:
        time_ = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{option} is a time such as 2026-12-01T09:00+09:00, or 3h"
        raise typer.BadParameter(message) from error
    return (time_ if time_.tzinfo else time_.replace(tzinfo=UTC)).isoformat()
