"""The weight of the page, its requests, and how soon it can be used."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from devstack.settings import ROOT
from tests.browser.shopper import CLOSED, on_both

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser.conftest import Browse
    from tests.browser.shopper import Shopper

WEB = ROOT / "sidecar/web"
OWN_SCRIPT = 61_000
"""Bytes of all that this project sends to run, uncompressed."""


async def test_it_asks_for_little_and_runs_little_of_its_own(browse: Browse) -> None:
    visitor = await browse()
    await visitor.page.goto("about:blank")
    visitor.requests.clear()
    async with visitor.page.expect_response(re.compile(r"/rest/v1/token_payments\?")):
        await visitor.opens()
    # The icon is the tab's and the page's.
    asked = [url.partition("?")[0] for url in visitor.requests if not url.endswith("icon.svg")]
    repeated = sorted({url for url in asked if asked.count(url) > 1})
    assert repeated == []
    assert 0 < sum(map(weight, own_scripts(visitor))) < OWN_SCRIPT


async def test_an_app_runs_little_of_ours_whatever_is_bought(
    browse: Browse, record_property: Callable[[str, object], None]
) -> None:
    """Everything but the store page's own: the components, and what they load for each gateway."""
    visitor = await browse()
    visitor.expects("400 /api/payments/complete")
    for gateway in ("PortOne", "Toss Payments"):
        await visitor.choose(gateway)
        await visitor.buy()
        await visitor.clicks("Close without paying")
        await visitor.told(CLOSED)
    await visitor.choose("Stripe")
    await visitor.buy()
    await visitor.store.get_by_role("button", name="Back").click()
    await visitor.told(CLOSED)
    scripts = own_scripts(visitor)
    loaded = {each.partition("/web/gateways/")[2] for each in scripts}
    assert {"toss/index.js", "portone/v1.js", "stripe/index.js"} <= loaded
    record_property("bytes of the page, whatever is bought", sum(map(weight, scripts)))
    components = [each for each in scripts if "/web/pages/" not in each]
    record_property("bytes of the components in it", sum(map(weight, components)))
    assert sum(map(weight, components)) < OWN_SCRIPT


def own_scripts(visitor: Shopper) -> set[str]:
    return {
        url
        for url in visitor.requests
        if url.startswith(f"{visitor.url}/web/") and url.endswith(".js")
    }


def weight(url: str) -> int:
    return (WEB / url.partition("/web/")[2]).stat().st_size


@on_both("phone")
async def test_it_is_usable_soon(
    browse: Browse, device: str, record_property: Callable[[str, object], None]
) -> None:
    """The figure is reported, not judged: the machine may be busy with anything."""
    visitor = await browse(device)
    await visitor.page.reload()
    await visitor.pay_button().wait_for()
    ready = await visitor.page.evaluate("performance.now()")
    record_property(f"milliseconds on a {device}", round(ready))
    assert await visitor.pay_button().is_enabled()
