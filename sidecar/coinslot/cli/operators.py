"""`coinslot operators …`: who may act on orders that are not theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from coinslot.cli.command_group import command_group
from coinslot.cli.deployment import run
from coinslot.cli.terminal import AsJson, fail, out

if TYPE_CHECKING:
    from coinslot.database.shop_records import Limits, Operator, OperatorAccount
    from coinslot.services import Services

app = command_group("Who may refund, or look at what is not theirs.")

_COLUMNS = ("user id", "e-mail", "role", "since", "active", "limits a day")

Who = Annotated[str, typer.Argument(help="A user: the e-mail they have confirmed, or their id.")]


@app.command()
def add(
    who: Who,
    *,
    role: Annotated[
        Literal["owner", "finance", "support"],
        typer.Option(help="support reads; finance and owner refund, too."),
    ],
    tokens_a_day: Annotated[
        int | None, typer.Option(min=0, help="Tokens they may give in 24 hours.")
    ] = None,
    refunds_a_day: Annotated[
        list[str] | None,
        typer.Option(help="What they may refund in 24 hours, in minor units: KRW=50000."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give a user a role, in place of the one they had. The first owner is made so, too.

    Support refunds and gives tokens where a limit says how much. Limits that are not named stay."""
    limits = _limits(tokens_a_day, refunds_a_day)

    async def added(services: Services) -> Operator:
        return await services.database.as_service().add_operator(who, role, limits)

    _show(run(added), "has the role", as_json=as_json)


@app.command()
def remove(who: Who, *, as_json: AsJson = False) -> None:
    """Take the role of a user away. Counts from their next call on, whatever their JWT says."""

    async def removed(services: Services) -> Operator | None:
        return await services.database.as_service().remove_operator(who)

    was = run(removed)
    if was is None:
        fail("This user is no operator")
    _show(was, "no longer has the role", as_json=as_json)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show the operators. One who is not active was deleted or banned, and may do nothing."""

    async def listed(services: Services) -> list[OperatorAccount]:
        return await services.database.as_service().list_operators()

    found = run(listed)
    if as_json:
        out.print_json(found)
    else:
        out.print_table(_COLUMNS, map(_cells, found))


def _limits(tokens: int | None, refunds: list[str] | None) -> Limits | None:
    if tokens is None and not refunds:
        return None
    amounts: dict[str, int] = {}
    for each in refunds or []:
        currency, _, amount = each.partition("=")
        if not amount.isascii() or not amount.isdigit():
            fail(f"{each!r} is not a currency and minor units, as in KRW=50000")
        amounts[currency] = int(amount)
    return ({} if tokens is None else {"tokens_a_day": tokens}) | (
        {"refunds_a_day": amounts} if amounts else {}
    )


def _shown(limits: Limits) -> str:
    refunds = limits.get("refunds_a_day", {})
    parts = [f"{limits['tokens_a_day']} tokens"] if "tokens_a_day" in limits else []
    if isinstance(refunds, dict):
        parts += [f"{amount} {currency}" for currency, amount in refunds.items()]
    return ", ".join(parts)


def _cells(each: OperatorAccount) -> tuple[str, ...]:
    active = "yes" if each.active else "no"
    return (
        *(each.user_id, each.email or "", each.role, each.since[:19], active),
        _shown(each.limits),
    )


def _show(operator: Operator, verb: str, *, as_json: bool) -> None:
    if as_json:
        out.print_json(operator)
    else:
        out.print(f"{operator.user_id} {verb} {operator.role}", markup=False)
