"""Apps of somebody's that have the components from the npm package: built, and used in Korean."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from playwright.async_api import expect

from coinslot.server.app import create_app
from devstack.settings import ROOT
from simulators.registry import sidecar_environments
from tests.browser.conftest import signed_in
from tests.browser.shopper import DEVICES
from tests.support.servers import address, listening_socket, running
from tests.support.shop import Shop, settings_on

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import httpx
    from playwright.async_api import ConsoleMessage, Page

    from tests.browser.conftest import Chromium
    from tests.support.stacks import LocalStack

pytestmark = [pytest.mark.proof, pytest.mark.registry, pytest.mark.timeout(900)]

PACK = ROOT / "sidecar/deploy/npm_package.py"
PAYS = re.compile("5,000.? 결제하기")
ACCENT = "rgb(10, 125, 79)"
"""The apps' `--coinslot-accent`, beside resets that take everything from a button."""


@dataclass(frozen=True)
class App:
    """The folder of an example, the packages that it has otherwise, how it is built, where to."""

    folder: str
    packages: tuple[str, ...] = ()
    build: tuple[str, ...] = ()
    built: str = "."


APPS = {
    "html": App("html"),
    "vite": App("vite", build=("npm", "run", "build"), built="dist"),
    "vite-react-18": App(
        "vite", ("react@18.3.0", "react-dom@18.3.0"), ("npm", "run", "build"), "dist"
    ),
    "next-turbopack": App("next", build=("npm", "run", "build"), built="out"),
    "next-webpack": App("next", build=("npm", "run", "build", "--", "--webpack"), built="out"),
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("npm")
    done = subprocess.run(
        [sys.executable, PACK, folder], check=True, capture_output=True, text=True
    )
    return Path(done.stdout.strip())


@pytest.fixture
def built(archive: Path, tmp_path: Path) -> Callable[[App, str], Path]:
    return partial(made, archive, tmp_path)


def made(archive: Path, folder: Path, app: App, sidecar: str) -> Path:
    """The app, installed and built somewhere else: what a server of files serves."""
    there = folder / app.folder
    shutil.copytree(ROOT / "examples" / app.folder, there)
    run = partial(subprocess.run, cwd=there, check=True, env=environment(sidecar))
    run(["npm", "install", "--no-audit", "--no-fund", "--silent", archive, *app.packages])
    if app.build:
        run([*app.build])
    page = there / "index.html"
    if page.is_file():
        page.write_text(page.read_text().replace("http://localhost:8000", sidecar))
    return there / app.built


def environment(sidecar: str) -> dict[str, str]:
    told = {f"{prefix}_SIDECAR_URL": sidecar for prefix in ("VITE", "NEXT_PUBLIC")}
    return {**os.environ, "NEXT_TELEMETRY_DISABLED": "1", **told}


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def served(server: ThreadingHTTPServer) -> Iterator[None]:
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@asynccontextmanager
async def sidecar_of(stack: LocalStack, app_url: str) -> AsyncIterator[str]:
    """Lets that app in, whose origin is not its own."""
    simulators = stack.settings.simulators_url
    gateways = sidecar_environments(simulators, stack.settings)
    told = {name.lower(): value for each in gateways for name, value in each.items()}
    given: dict[str, Any] = {
        **told,
        "cors_origins": [app_url],
        "frontend_url": app_url,
    }
    async with running(create_app(settings_on(stack, **given)), listening_socket()) as url:
        yield url


@pytest.mark.parametrize("name", APPS)
async def test_it_is_built_and_sells_in_korean(
    name: str,
    built: Callable[[App, str], Path],
    stack: LocalStack,
    chromium: Chromium,
    http: httpx.AsyncClient,
) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    app_url = address(server.socket)
    async with sidecar_of(stack, app_url) as sidecar:
        folder = await asyncio.to_thread(built, APPS[name], sidecar)
        server.RequestHandlerClass = partial(Files, directory=folder)
        with served(server):
            shop = Shop(stack, http, stack.sign_up(), sidecar)
            await shop.rpc(
                "spend_tokens", shop.buyer, amount=4, idempotency_key="all", reason="before"
            )
            state = {"cookies": [], "origins": [await signed_in(shop, app_url)]}
            context = await chromium.context(
                locale="ko-KR", storage_state=state, **DEVICES["desktop"]
            )
            try:
                await sells(await context.new_page(), app_url)
            finally:
                await context.close()
            assert await shop.tokens() == 1 + 10 - 2 + 10


async def sells(page: Page, app_url: str) -> None:
    """Goes on with what was asked for after a purchase in the paywall; then the store sells."""
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # Chromium says so of a 402 too, which is how too few tokens are told.
        if message.type == "error" and "402" not in message.text:
            complaints.append(f"{message.text} {message.location}")

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(app_url)
    balance, window = page.locator("coinslot-balance"), page.frame_locator("body > iframe")
    await expect(balance).to_contain_text("토큰 1개")
    pay = page.locator("main coinslot-store #pay")
    await expect(pay).to_have_text(re.compile("5,000원 결제하기"))
    assert await pay.evaluate("(button) => getComputedStyle(button).backgroundColor") == ACCENT
    await page.get_by_role("button", name="자세한 답변 받기").click()
    paywall = page.locator("coinslot-paywall")
    await expect(paywall.get_by_role("dialog")).to_contain_text("토큰 1개가 부족해요")
    await paywall.locator("#pay").click()
    await window.get_by_role("button", name=PAYS).click()
    await expect(page.locator("#said")).to_have_text("답변이에요.")
    await expect(balance).to_contain_text("토큰 9개")
    await pay.click()
    await window.get_by_role("button", name=PAYS).click()
    await expect(page.locator("main coinslot-store")).to_contain_text("토큰 10개를 충전했어요")
    await expect(page.locator("#said")).to_have_text("토큰 10개, 고마워요.")
    assert complaints == []
