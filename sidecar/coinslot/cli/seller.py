"""`coinslot seller …`: who sells, as the store, receipts and credit notes say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from coinslot.cli.command_group import command_group
from coinslot.cli.deployment import run
from coinslot.cli.terminal import AsJson, fail, out

if TYPE_CHECKING:
    from coinslot.database.shop_records import Seller
    from coinslot.services import Services

app = command_group("Who sells, as the store, receipts and credit notes say.")

Detail = Annotated[str | None, typer.Option(help="An empty one is taken away.")]


@app.command("set")
def set_(
    *,
    name: Detail = None,
    ceo: Detail = None,
    registration: Detail = None,
    mail_order: Detail = None,
    address: Detail = None,
    phone: Detail = None,
    email: Detail = None,
    name_en: Detail = None,
    ceo_en: Detail = None,
    address_en: Detail = None,
    tax: Annotated[
        Literal["general", "simplified", "exempt", "mixed", "none"] | None,
        typer.Option(help="general splits prices in won; none shows what a gateway splits."),
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="Where its years begin, such as Asia/Seoul.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Kept with what was changed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Set what is given. The rest stays, and so does everything that was issued."""
    given = {
        "name": name,
        "ceo": ceo,
        "registration": registration,
        "mail_order": mail_order,
        "address": address,
        "phone": phone,
        "email": email,
        "name_en": name_en,
        "ceo_en": ceo_en,
        "address_en": address_en,
    }
    business = {detail: value or None for detail, value in given.items() if value is not None}
    if not business and tax is None and time_zone is None:
        fail("Say what to set, for example --name or --tax")

    async def told(services: Services) -> Seller:
        return await services.database.as_service().set_seller(business, tax, time_zone, reason)

    _show(run(told), as_json=as_json)


@app.command()
def show(*, as_json: AsJson = False) -> None:
    """Show the seller as the next receipt does."""

    async def told(services: Services) -> Seller:
        return await services.database.as_service().set_seller()

    _show(run(told), as_json=as_json)


def _show(seller: Seller, *, as_json: bool) -> None:
    if as_json:
        out.print_json(seller)
        return
    rows = [*seller.business.items(), ("tax", seller.tax_status), ("time zone", seller.time_zone)]
    out.print_table(("detail", "is"), rows)
