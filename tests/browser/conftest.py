"""One Chromium; for each test a context of its own, and a new person."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Error, async_playwright, expect

from tests.browser.console import Console
from tests.browser.shopper import DEVICES, PATIENCE, Shopper
from tests.support.shop import Shop
from tests.support.stacks import PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, BrowserContext, Playwright

    from tests.support.stacks import LocalStack

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # Containers have little shared memory, and Chromium dies where it runs out.
    "--disable-dev-shm-usage",
)
# The shell is Chromium without the window that a whole one draws even where nobody looks: a page
# takes 1.6 seconds of CPU in it, and 4.3 in the whole.
_BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")
expect.set_options(timeout=PATIENCE)


class Browse(Protocol):
    async def __call__(
        self,
        device: str = "desktop",
        *,
        url: str | None = None,
        shop: Shop | None = None,
        **options: Any,  # noqa: ANN401 - Playwright's, of a context
    ) -> Shopper: ...


class Chromium:
    """Started when it is first wanted, and again for the next person where its process has died.
    Whoever it dies under has failed."""

    def __init__(self, playwright: Playwright, path: str) -> None:
        self._playwright = playwright
        self._path = path
        self._browser: Browser | None = None

    async def context(self, **options: Any) -> BrowserContext:  # noqa: ANN401 - Playwright's
        if self._browser is None or not self._browser.is_connected():
            self._browser = await self._launched()
        return await self._browser.new_context(**options)

    async def close(self) -> None:
        if self._browser is not None and self._browser.is_connected():
            await self._browser.close()

    async def _launched(self) -> Browser:
        try:
            return await self._launch()
        except Error as error:
            # Its process died before it was asked for anything.
            if "has been closed" not in str(error):
                raise
            return await self._launch()

    async def _launch(self) -> Browser:
        launch = self._playwright.chromium.launch
        return await launch(executable_path=self._path, args=[*_FLAGS], timeout=2 * PATIENCE)


@pytest_asyncio.fixture(scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


@pytest_asyncio.fixture(scope="session")
async def chromium(playwright: Playwright) -> AsyncIterator[Chromium]:
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        message = "there is no Chromium: install the package chromium-headless-shell"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    chromium = Chromium(playwright, path)
    yield chromium
    await chromium.close()


@pytest_asyncio.fixture(scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        yield http


@pytest_asyncio.fixture
async def browse(
    chromium: Chromium, stack: LocalStack, http: httpx.AsyncClient
) -> AsyncIterator[Browse]:
    """Puts people in front of the store, signed in. At the end nobody's browser has complained,
    nothing foreign was asked for, and the books add up."""
    shoppers: list[Shopper] = []

    async def arrive(
        device: str = "desktop",
        *,
        url: str | None = None,
        shop: Shop | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Shopper:
        sidecar = url or stack.sidecar_url
        shop = shop or Shop(stack, http, stack.sign_up(), sidecar)
        state = {"cookies": [], "origins": [await signed_in(shop, sidecar)]}
        wanted = {"locale": "en-US", "storage_state": state, **DEVICES[device], **options}
        context = await chromium.context(**wanted)
        context.set_default_timeout(PATIENCE)
        page = await context.new_page()
        shopper = Shopper(shop, context, page, sidecar, phone=device == "phone")
        shopper.watch()
        shoppers.append(shopper)
        await shopper.opens()
        return shopper

    yield arrive
    for shopper in shoppers:
        await shopper.close()
    assert [complaint for shopper in shoppers for complaint in shopper.complaints] == []
    if shoppers:
        assert await shoppers[0].shop.rpc("coinslot_verify_ledger") == []


@pytest.fixture
def shop(stack: LocalStack, http: httpx.AsyncClient) -> Shop:
    return Shop(stack, http, stack.sign_up(), stack.sidecar_url)


@pytest_asyncio.fixture
async def enter(chromium: Chromium, shop: Shop) -> AsyncIterator[Console]:
    """Signs an operator in, as a person does."""
    console = Console(chromium, shop)
    yield console
    await console.close()


async def signed_in(shop: Shop, url: str) -> dict[str, Any]:
    """The session where supabase-js keeps it, as after signing in on an earlier visit."""
    answer = await shop.http.post(
        f"{shop.stack.api_url}/auth/v1/token?grant_type=password",
        json={"email": shop.buyer.email, "password": PASSWORD},
        headers={"apikey": shop.stack.keys.anon},
    )
    session = json.dumps(answer.raise_for_status().json())
    return {"origin": url, "localStorage": [{"name": "sb-127-auth-token", "value": session}]}
