"""A gateway that is added as `docs/contributing.md` says: a folder, a line in each registry, a row.

Nothing else of the product is touched. A part that was forgotten is named at start.
"""

from __future__ import annotations

import shutil
import subprocess
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
import pytest
import pytest_asyncio

from coinslot import assets
from coinslot.errors import GatewayOff
from coinslot.gateways import registry as gateways
from coinslot.gateways.base import TakesMoneyItself
from coinslot.gateways.parts import IncompleteGatewayError
from coinslot.routes import registry as routes
from coinslot.routes.openapi.document import document
from coinslot.server.app import create_app
from coinslot.services import opened
from coinslot.settings import registry as settings_registry
from coinslot.settings.deployment import SettingsError
from coinslot.settings.gateway import GatewaySettings
from devstack import tools
from devstack.settings import ROOT
from tests.browser.conftest import browse, chromium, http, playwright
from tests.support.contract import problems
from tests.support.servers import listening_socket, running
from tests.support.shop import settings_on
from tests.support.sidecars import settings
from tests.toy_gateway.parts import PARTS
from tests.toy_gateway.routes import ROUTES
from tests.toy_gateway.settings import AcmeSettings
from tests.toy_gateway.shop import AcmeShop
from tests.toy_gateway.simulator import API_KEY, WEBHOOK_SECRET, AcmeSimulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from coinslot.settings.deployment import Settings
    from tests.browser.conftest import Browse
    from tests.support.stacks import LocalStack

__all__ = ["browse", "chromium", "http", "playwright"]

KEYS = {"acme_api_key": API_KEY, "acme_webhook_secret": WEBHOOK_SECRET}
NAME = "  acme: { name: { en: 'Acme', ko: 'Acme' } },\n"
IMPORT = "import * as acme from './acme/index.js'\n"
"""The lines in the registries of the web components."""


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A line in each registry."""
    with pytest.MonkeyPatch.context() as patch:
        known = (*settings_registry.GATEWAY_SETTINGS, AcmeSettings)
        patch.setattr(settings_registry, "GATEWAY_SETTINGS", known)
        patch.setattr(gateways, "GATEWAYS", (*gateways.GATEWAYS, PARTS))
        patch.setattr(routes, "GATEWAY_ROUTES", (*routes.GATEWAY_ROUTES, ROUTES))
        patch.setattr(assets, "WEB", web_with_acme(tmp_path_factory.mktemp("acme")))
        yield


def web_with_acme(folder: Path) -> Path:
    """Bundled of the sources with one folder more."""
    sources, built = folder / "sources", folder / "web"
    shutil.copytree(ROOT / "sidecar/web", sources)
    shutil.copytree(ROOT / "tests/toy_gateway/web", sources / "gateways/acme")
    names, index = (sources / f"gateways/{each}.js" for each in ("names", "index"))
    before = names.read_text(encoding="utf-8")
    names.write_text(before.replace("GATEWAYS = {\n", f"GATEWAYS = {{\n{NAME}"), encoding="utf-8")
    before = index.read_text(encoding="utf-8")
    after = IMPORT + before.replace("MODULES = { ", "MODULES = { acme, ")
    index.write_text(after, encoding="utf-8")
    bundler = ROOT / "sidecar/web/build.mjs"
    subprocess.run([tools.require_node(), bundler, sources, built], check=True)
    return built


@pytest.fixture(scope="module")
def row(stack: LocalStack) -> Iterator[None]:
    """In `coinslot.gateways`. Its orders stay, so that it is only turned off in the end."""
    with stack.connect() as connection:
        connection.execute(
            "insert into coinslot.gateways (id, name) values ('acme', 'Acme') "
            "on conflict (id) do update set active = true"
        )
        yield
        connection.execute("update coinslot.gateways set active = false where id = 'acme'")


@asynccontextmanager
async def sidecar(stack: LocalStack, acme: AcmeSimulator) -> AsyncIterator[tuple[str, Settings]]:
    listening = listening_socket()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    async with running(acme.app()) as acme_url:
        given = settings_on(
            stack,
            **KEYS,
            acme_api_url=acme_url,
            acme_sdk_url=f"{acme_url}/acme.js",
            frontend_url=url,
            coinslot_virtual_accounts=True,
            # What the stack's own is asked for is left to that.
            coinslot_reconcile_seconds=3600,
        )
        async with running(create_app(given), listening):
            acme.sidecar = url
            yield url, given


@pytest_asyncio.fixture(scope="module")
async def serving(
    stack: LocalStack, registered: None, row: None
) -> AsyncIterator[tuple[AcmeSimulator, str, Settings]]:
    acme = AcmeSimulator()
    async with sidecar(stack, acme) as (url, given):
        yield acme, url, given


@pytest_asyncio.fixture
async def shop(
    stack: LocalStack, serving: tuple[AcmeSimulator, str, Settings], http: httpx.AsyncClient
) -> AsyncIterator[AcmeShop]:
    acme, url, given = serving
    shop = AcmeShop(stack, http, stack.sign_up(), url, acme, given)
    yield shop
    assert await shop.rpc("coinslot_verify_ledger") == []


async def test_it_sells_through_its_own_routes(shop: AcmeShop) -> None:
    made = await shop.create()
    await shop.acme.pay(made["acmePayment"], webhook=False)
    answer = await shop.complete_order(made["orderId"])
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert (await shop.complete_order(made["orderId"])).status_code == 200
    assert (await shop.tokens(), shop.purchases()) == (15, 1)
    assert shop.row(made["orderId"])["gateway"] == "acme"


async def test_its_webhook_credits_once_and_a_forged_one_nothing(shop: AcmeShop) -> None:
    made = await shop.create()
    await shop.acme.tell(made["acmePayment"], secret="forged")
    assert shop.acme.answered[-1] == 401
    await shop.acme.pay(made["acmePayment"])
    await shop.acme.tell(made["acmePayment"])
    assert shop.acme.answered[-2:] == [200, 200]
    await shop.followed(made["orderId"])
    assert (await shop.tokens(), shop.purchases()) == (15, 1)


async def test_it_gives_money_back(shop: AcmeShop) -> None:
    made = await shop.create()
    await shop.acme.pay(made["acmePayment"], webhook=False)
    await shop.complete_order(made["orderId"])
    # The stack's own does not know Acme, and may be the first to take up a refund.
    with shop.stack.without_its_sidecar():
        answer = await shop.refund(made["orderId"])
    assert (answer.status_code, answer.json()["refund"]["status"]) == (200, "succeeded")
    assert shop.acme.payments[made["acmePayment"]]["refunded"] == made["amount"]
    assert await shop.tokens() == 5


async def test_its_list_is_audited(shop: AcmeShop) -> None:
    since = datetime.now(UTC) - timedelta(seconds=1)
    made = await shop.create()
    key = made["acmePayment"]
    await shop.acme.pay(key, webhook=False)
    async with opened(shop.own_settings) as services:
        until = datetime.now(UTC) + timedelta(seconds=2)
        audit = await services.audits.audit("acme", since, until, again=True)
        assert audit
        lines = {line.payment_key: line async for line in services.audits.report(audit.id)}
    assert (lines[key].verdict, lines[key].paid) == ("matched", made["amount"])
    assert shop.row(made["orderId"])["status"] == "completed"


async def test_the_document_and_the_store_know_it(shop: AcmeShop) -> None:
    config = (await shop.http.get(f"{shop.sidecar}/store/config")).json()
    assert config["gateways"]["acme"] == {"methods": ["card", "virtual_account"]}
    assert config["sdk"]["acme"].endswith("/acme.js")
    assert problems({"$ref": "#/components/schemas/StoreConfig"}, config) == []
    policy = (await shop.http.get(f"{shop.sidecar}/store")).headers["content-security-policy"]
    assert config["sdk"]["acme"].removesuffix("/acme.js") in policy
    told = (await shop.http.get(f"{shop.sidecar}/openapi.json")).json()
    assert told == document()
    assert "/payment/acme/create" in told["paths"]


async def test_a_buyer_buys_through_it_in_the_store(shop: AcmeShop, browse: Browse) -> None:
    buyer = await browse(url=shop.sidecar, shop=shop)
    await buyer.choose("Acme")
    await buyer.buy()
    await buyer.told("10 tokens")
    await buyer.has(15)
    assert buyer.orders() == ["completed"]


async def test_a_sidecar_that_does_not_know_it_says_so(shop: AcmeShop) -> None:
    """Its row and its orders are there, its line is not: the stack's own sidecar."""
    made = await shop.create()
    await shop.acme.pay(made["acmePayment"], webhook=False)
    await shop.complete_order(made["orderId"])
    there = shop.stack.sidecar_url
    webhook = await shop.http.post(f"{there}/payment/acme/webhook", json={"id": "evt_1"})
    assert (webhook.status_code, webhook.json()["code"]) == (404, "gateway_off")
    refused = (await shop.refund(made["orderId"], there)).json()
    assert (refused["code"], refused["error"]) == ("refund_failed", GatewayOff.sentence)
    assert shop.acme.payments[made["acmePayment"]]["refunded"] == 0
    assert (await shop.http.get(f"{there}/ready")).json() == {"ready": True, "reasons": []}
    assert await shop.tokens() == 15


async def test_a_gateway_that_nobody_knows_is_off(shop: AcmeShop) -> None:
    for name in ("nobody", "..", "ACME"):
        answer = await shop.http.post(f"{shop.sidecar}/payment/{name}/webhook", json={})
        assert answer.status_code == 404


class TestForgotten:
    """Each of the lines, and each part behind it."""

    @pytest.fixture(autouse=True)
    def known(self, registered: None) -> None:
        """Each test takes one of them away."""

    def test_half_given_keys(self) -> None:
        with pytest.raises(SettingsError, match="ACME_WEBHOOK_SECRET not set: set all of Acme's"):
            settings(acme_api_key=API_KEY)
        with pytest.raises(SettingsError, match="ACME_API_URL must be an address"):
            settings(**KEYS, acme_api_url="acme")

    def test_settings_that_nobody_reads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(settings_registry, "GATEWAY_SETTINGS", without(AcmeSettings))
        with pytest.raises(SettingsError, match="AcmeSettings is not listed"):
            settings(**KEYS).of(AcmeSettings)

    async def test_no_line_for_the_settings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(settings_registry, "GATEWAY_SETTINGS", without(AcmeSettings))
        await refused_at_start("The gateway acme has no settings: add them to coinslot/settings/")

    async def test_no_line_for_the_adapter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gateways, "GATEWAYS", gateways.GATEWAYS[:-1])
        await refused_at_start("The gateway acme has settings and no adapter")

    def test_no_line_for_the_routes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(routes, "GATEWAY_ROUTES", routes.GATEWAY_ROUTES[:-1])
        with pytest.raises(IncompleteGatewayError, match="acme has no routes: add them to coin"):
            create_app(settings(**KEYS))

    async def test_no_refunds(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Half(TakesMoneyItself):
            name = "acme"

        opened_half: Any = lambda _settings, _client: Half()  # noqa: E731 - it is no gateway
        half = replace(PARTS, open=opened_half)
        monkeypatch.setattr(gateways, "GATEWAYS", (*gateways.GATEWAYS[:-1], half))
        await refused_at_start(
            "The gateway acme has no check_key, currencies, prepare, read, parse_webhook, refund, "
            "close_order, moved_between"
        )

    def test_settings_without_a_part(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Half(GatewaySettings):
            gateway: ClassVar[str] = "acme"

        monkeypatch.setattr(settings_registry, "GATEWAY_SETTINGS", (*without(AcmeSettings), Half))
        with pytest.raises(TypeError, match=r"Half .*addresses.*is_on.*key_problems"):
            settings(**KEYS)


def without(kind: type[GatewaySettings]) -> tuple[type[GatewaySettings], ...]:
    return tuple(each for each in settings_registry.GATEWAY_SETTINGS if each is not kind)


async def refused_at_start(sentence: str) -> None:
    with pytest.raises(IncompleteGatewayError, match=sentence):
        async with opened(settings(**KEYS)):
            pass
