"""One Chromium for all tests; for each test a context of its own, and a new person."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any, Protocol

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from tests.browser.shopper import DEVICES, Shopper
from tests.shop import Shop
from tests.stacks import PASSWORD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

    from tests.stacks import LocalStack

_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


class Browse(Protocol):
    async def __call__(
        self,
        device: str = "desktop",
        *,
        url: str | None = None,
        shop: Shop | None = None,
        **options: Any,  # noqa: ANN401 - Playwright's, of a context
    ) -> Shopper: ...


@pytest_asyncio.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        message = "there is no Chromium: install the package chromium"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*_FLAGS])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http:
        yield http


@pytest_asyncio.fixture
async def browse(
    chromium: Browser, stack: LocalStack, http: httpx.AsyncClient
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
        state = {"cookies": [], "origins": [await _signed_in(shop, sidecar)]}
        wanted = {"locale": "en-US", "storage_state": state, **DEVICES[device], **options}
        context = await chromium.new_context(**wanted)
        context.set_default_timeout(15_000)
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
        assert await shoppers[0].shop.rpc("verify_ledger") == []


async def _signed_in(shop: Shop, url: str) -> dict[str, Any]:
    """The session where supabase-js keeps it, as after signing in on an earlier visit."""
    answer = await shop.http.post(
        f"{shop.stack.api_url}/auth/v1/token?grant_type=password",
        json={"email": shop.buyer.email, "password": PASSWORD},
        headers={"apikey": shop.stack.keys.anon},
    )
    session = json.dumps(answer.raise_for_status().json())
    return {"origin": url, "localStorage": [{"name": "sb-127-auth-token", "value": session}]}
