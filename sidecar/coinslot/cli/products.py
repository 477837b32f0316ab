"""`coinslot products …`: what is sold, and for how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from coinslot.cli.amounts import major, prices_of
from coinslot.cli.command_group import command_group
from coinslot.cli.deployment import run
from coinslot.cli.terminal import AsJson, fail, out

if TYPE_CHECKING:
    from coinslot.database.shop_records import Product
    from coinslot.services import Services

app = command_group("What is sold: packs of tokens, and single things.")

_COLUMNS = ("id", "kind", "name", "name (ko)", "tokens", "prices", "on sale")

Id = Annotated[str, typer.Argument(metavar="ID", help="As in token_products: premium_reading.")]


@app.command("set")
def set_(
    product_id: Id,
    *,
    name: Annotated[str | None, typer.Option(help="As buyers read it.")] = None,
    name_ko: Annotated[
        str | None, typer.Option(help="In Korean; a new product has --name in both.")
    ] = None,
    tokens: Annotated[
        int | None,
        typer.Option(min=0, max=2**53 - 1, help="In the pack; a single thing has none."),
    ] = None,
    price: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CURRENCY=AMOUNT",
            help="In minor units, for example KRW=13000 or USD=1000; USD=none takes a price away. "
            "Once for each currency.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a product on sale, or change one. What is not given stays. Orders stay as they are."""
    prices = prices_of(price or ())

    async def made(services: Services) -> Product:
        return await services.database.as_service().set_product(
            product_id, name=name, name_ko=name_ko, tokens=tokens, prices=prices
        )

    product = run(made)
    if as_json:
        out.print_json(product)
    else:
        out.print_table(_COLUMNS, [_cells(product)])


@app.command()
def remove(product_id: Id, *, as_json: AsJson = False) -> None:
    """Take a product off sale. One that has orders is only switched off."""

    async def removed(services: Services) -> str | None:
        return await services.database.as_service().remove_product(product_id)

    ended = run(removed)
    if ended is None:
        fail("There is no such product")
    if as_json:
        out.print_json({"id": product_id, "ended": ended})
        return
    said = "deleted" if ended == "deleted" else "off sale; its orders stay"
    out.print(f"{product_id}: {said}", markup=False)


@app.command()
def void(product_id: Id, *, as_json: AsJson = False) -> None:
    """End all orders of a product that may yet be paid. First set the right price, or remove it."""

    async def voided(services: Services) -> int:
        return await services.database.as_service().void_orders(product_id)

    number = run(voided)
    if as_json:
        out.print_json({"id": product_id, "orders": number})
        return
    out.print(f"{product_id}: {number} {'order' if number == 1 else 'orders'} ended", markup=False)


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show all products, those off sale as well."""

    async def listed(services: Services) -> list[Product]:
        return await services.database.as_service().list_products()

    found = run(listed)
    if as_json:
        out.print_json(found)
    else:
        out.print_table(_COLUMNS, map(_cells, found))


def _cells(product: Product) -> tuple[str, ...]:
    prices = sorted(product.prices.items())
    return (
        product.id,
        product.kind,
        product.name,
        product.name_ko,
        str(product.tokens) if product.tokens else "",
        ", ".join(f"{major(amount, currency)} {currency}" for currency, amount in prices),
        "yes" if product.active else "no",
    )
