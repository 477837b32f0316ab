"""`coinslot plans …`: what people subscribe to, and where a stored method may be charged."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from coinslot.cli.amounts import major, prices_of
from coinslot.cli.command_group import command_group
from coinslot.cli.deployment import run
from coinslot.cli.terminal import AsJson, fail, out

if TYPE_CHECKING:
    from coinslot.database.billing_records import Plan, Proposal
    from coinslot.services import Services

app = command_group("Plans: tokens every month or year, for a price.")

_COLUMNS = (
    *("id", "family", "every", "name", "tokens", "prices", "unused tokens", "trial", "on sale"),
)

Id = Annotated[str, typer.Argument(metavar="ID", help="As in token_plans: plus_monthly.")]


@app.command("set")
def set_(
    plan_id: Id,
    *,
    every: Annotated[
        Literal["month", "year"] | None, typer.Option(help="How long a period is.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="As buyers read it.")] = None,
    name_ko: Annotated[str | None, typer.Option(help="In Korean.")] = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, max=2**53 - 1, help="Of each period.")
    ] = None,
    price: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CURRENCY=AMOUNT", help="In minor units: KRW=9900. Once for each currency."
        ),
    ] = None,
    family: Annotated[
        str | None, typer.Option(help="Of whose plans a person has one; main to begin with.")
    ] = None,
    rollover: Annotated[
        Literal["none", "cap", "full"] | None,
        typer.Option(
            help="What is left of a period ends with it (none), goes over into the next up to a "
            "limit (cap), or stays (full)."
        ),
    ] = None,
    rollover_cap: Annotated[
        int | None, typer.Option(min=1, max=2**53 - 1, help="The limit of --rollover cap.")
    ] = None,
    trial_days: Annotated[
        int | None, typer.Option(min=0, max=30, help="Once for a person, without money; 0: none.")
    ] = None,
    trial_tokens: Annotated[
        int | None, typer.Option(min=0, max=2**53 - 1, help="Of the trial, with which they end.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a plan on sale, or change one. Who has subscribed keeps what they agreed to."""
    prices = prices_of(price or ())

    async def made(services: Services) -> Plan:
        return await services.database.as_service().set_plan(
            plan_id,
            prices=prices,
            every=every,
            name=name,
            name_ko=name_ko,
            tokens=tokens,
            family=family,
            rollover=rollover,
            rollover_cap=rollover_cap,
            trial_days=trial_days,
            trial_tokens=trial_tokens,
        )

    plan = run(made)
    if as_json:
        out.print_json(plan)
    else:
        out.print_table(_COLUMNS, [_cells(plan)])


@app.command()
def remove(plan_id: Id, *, as_json: AsJson = False) -> None:
    """Take a plan off sale. Who has it keeps it."""

    async def removed(services: Services) -> bool:
        return await services.database.as_service().remove_plan(plan_id)

    if not run(removed):
        fail("There is no such plan")
    if as_json:
        out.print_json({"id": plan_id, "active": False})
    else:
        out.print(f"{plan_id}: off sale; its subscriptions go on", markup=False)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show all plans, those off sale as well."""

    async def listed(services: Services) -> list[Plan]:
        return await services.database.as_service().list_plans()

    found = run(listed)
    if as_json:
        out.print_json(found)
    else:
        out.print_table(_COLUMNS, map(_cells, found))


@app.command()
def propose(
    plan_id: Id,
    currency: Annotated[str, typer.Argument(metavar="CURRENCY", help="KRW, USD, …")],
    *,
    starts: Annotated[
        datetime | None,
        typer.Option(
            "--from", formats=["%Y-%m-%d"], help="For periods that begin then (UTC) or later."
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Who does not agree keeps the price; else it ends.")
    ] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Ask nobody any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask who pays less than the price on offer to agree to it. Nobody is charged it before."""
    if withdraw:
        _withdraw(plan_id, currency, as_json=as_json)
        return

    async def proposed(services: Services) -> Proposal:
        return await services.database.as_service().propose_price(
            plan_id, currency, starts.isoformat() if starts else None, ends=not keep
        )

    found = run(proposed)
    if as_json:
        out.print_json(found)
    else:
        price = f"{major(found.amount, currency)} {currency}"
        out.print(f"{plan_id}: {found.subscriptions} are asked to agree to {price}", markup=False)


def _withdraw(plan_id: str, currency: str, *, as_json: bool) -> None:
    async def withdrawn(services: Services) -> bool:
        return await services.database.as_service().withdraw_price(plan_id, currency)

    if not run(withdrawn):
        fail("Nobody is asked for a price of this plan")
    if as_json:
        out.print_json({"plan_id": plan_id, "currency": currency, "withdrawn": True})
    else:
        out.print(f"{plan_id}: nobody is asked any more", markup=False)


@app.command()
def allow(
    gateway: Annotated[str, typer.Argument(metavar="GATEWAY", help="As in coinslot.gateways.")],
    unattended: Annotated[
        Literal["none", "periodic", "at_will"],
        typer.Argument(help="How often your contract lets you charge a stored method."),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Say what the contract with a gateway allows. Until then no plan is sold there."""

    async def said(services: Services) -> str:
        return await services.database.as_service().set_unattended(gateway, unattended)

    now = run(said)
    if as_json:
        out.print_json({"gateway": gateway, "unattended": now})
    else:
        out.print(f"{gateway}: stored methods are charged {_SAID[now]}", markup=False)


_SAID = {"none": "never", "periodic": "for subscriptions", "at_will": "whenever it is agreed"}


def _cells(plan: Plan) -> tuple[str, ...]:
    prices = sorted(plan.prices.items())
    return (
        plan.id,
        plan.family,
        plan.every,
        plan.name,
        str(plan.tokens),
        ", ".join(f"{major(amount, currency)} {currency}" for currency, amount in prices),
        {"full": "stay", "cap": f"{plan.rollover_cap} go over"}.get(plan.rollover, "end"),
        f"{plan.trial_days} days, {plan.trial_tokens} tokens" if plan.trial_days else "none",
        "yes" if plan.active else "no",
    )
