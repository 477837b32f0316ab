"""Receipts on the running stack: read by their owner, and as the seller was."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.support.commands import operate
from tests.support.shop import Shop

if TYPE_CHECKING:
    import httpx

    from tests.support.stacks import LocalStack


async def documents(shop: Shop) -> list[dict[str, Any]]:
    """The buyer's own, as an app reads them."""
    answer = await shop.http.get(
        f"{shop.stack.api_url}/rest/v1/token_documents",
        params={
            "select": "number,kind,amount,vat,tax_free,tax_basis,order_id",
            "order": "issued_at",
        },
        headers=shop.stack.headers(shop.buyer),
    )
    return list(answer.raise_for_status().json())


async def page(shop: Shop, number: str, language: str = "en") -> httpx.Response:
    return await shop.http.post(
        f"{shop.sidecar}/documents/{number}",
        data={"access_token": shop.buyer.token, "lang": language},
    )


async def test_anothers_receipt_is_not_there(shop: Shop) -> None:
    await shop.bought()
    [receipt] = await documents(shop)
    stranger = Shop(shop.stack, shop.http, shop.stack.sign_up(), shop.sidecar)
    answer = await page(stranger, receipt["number"])
    assert (answer.status_code, answer.json()["code"]) == (404, "document_not_found")
    assert await documents(stranger) == []
    own = await shop.http.get(f"{shop.sidecar}/documents/{receipt['number']}", headers=shop.jwt)
    assert own.status_code == 200
    assert shop.buyer.token not in own.text


async def test_it_is_a_pdf_for_who_asks_for_one(shop: Shop) -> None:
    await shop.bought()
    [receipt] = await documents(shop)
    address = f"{shop.sidecar}/documents/{receipt['number']}"
    form = {"access_token": shop.buyer.token, "lang": "ko", "format": "pdf"}
    accepting = {**shop.jwt, "Accept": "application/pdf"}
    answers = [
        await shop.http.get(f"{address}?format=pdf", headers=shop.jwt),
        await shop.http.get(address, headers=accepting),
        await shop.http.post(address, data=form),
    ]
    named = f'inline; filename="{receipt["number"]}.pdf"'
    for answer in answers:
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"] == named
        assert answer.headers["cache-control"] == "no-store"
        assert answer.content.startswith(b"%PDF-")
    stranger = Shop(shop.stack, shop.http, shop.stack.sign_up(), shop.sidecar)
    refused = await shop.http.get(f"{address}?format=pdf", headers=stranger.jwt)
    assert refused.status_code == 404


async def test_no_number_is_missing(shop: Shop) -> None:
    """Though many of what was ordered was never paid, or refused."""
    for _ in range(3):
        await shop.order()
        await shop.bought()
    found = shop.select(
        "select kind, year, count(*) = max(serial) and min(serial) = 1 from token_documents "
        "group by live, kind, year"
    )
    assert found
    assert all(whole for _, _, whole in found)


async def test_the_seller_is_set_shown_and_frozen(shop: Shop, stack: LocalStack) -> None:
    given = ("--name", "Moon & <Sons>", "--registration", "123-45-67891", "--tax", "general")
    status, out, err = await operate(stack, "seller", "set", *given, "--reason", "opened", "--json")
    assert status == 0, err
    assert json.loads(out)["business"]["registration"] == "123-45-67891"
    try:
        await shop.bought()
        [receipt] = await documents(shop)
        assert (receipt["vat"], receipt["tax_basis"]) == (455, "computed")
        status, _, err = await operate(stack, "seller", "set", "--name", "Sun", "--tax", "none")
        assert status == 0, err
        text = (await page(shop, receipt["number"], "ko")).text
        assert "Moon &amp; &lt;Sons&gt;" in text
        assert re.search(r"부가세</dt><dd>455원", text)
        _, out, _ = await operate(stack, "seller", "show")
        assert "Sun" in out
        status, _, err = await operate(stack, "seller", "set")
        assert (status, err) == (1, "Say what to set, for example --name or --tax\n")
    finally:
        cleared = ("--name", "", "--registration", "", "--tax", "none")
        assert (await operate(stack, "seller", "set", *cleared))[0] == 0
