"""The payment gateways on this machine: one process, one address prefix per gateway.

`python -m simulators` serves them, on 127.0.0.1, for development and tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic_settings import BaseSettings, SettingsConfigDict
from sanic import HTTPResponse, Request, Sanic
from sanic.response import json

from simulators.browser import browser
from simulators.portone.v1.simulator import PortOneV1Simulator
from simulators.portone.v2.simulator import PortOneV2Simulator
from simulators.portone.v2.webhooks import V2Settings
from simulators.requests import JsonErrors
from simulators.store import Store
from simulators.stripe.simulator import StripeSimulator
from simulators.stripe.webhooks import EndpointSettings
from simulators.toss.simulator import TossSimulator
from simulators.webhooks import WebhookSettings

if TYPE_CHECKING:
    from types import SimpleNamespace

    from sanic.config import Config

    from simulators.base import Simulator


class SimulatorSettings(BaseSettings):
    """From the environment, under the names that the sidecar's own settings have."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore")

    coinslot_simulators_port: int = 54425
    # A file keeps the payments of a stack that is killed; `:memory:` forgets them.
    coinslot_simulators_state: str = ":memory:"
    sidecar_url: str = "http://127.0.0.1:54430"
    iamport_api_key: str = "sandbox-key"
    iamport_api_secret: str = "sandbox-secret"  # noqa: S105 - the simulator's own
    portone_api_secret: str = "sandbox-v2-secret"  # noqa: S105 - the simulator's own
    portone_store_id: str = "store-sandbox"
    portone_channel_key: str = "channel-key-sandbox"
    portone_webhook_secrets: str = "whsec_Y29pbnNsb3QtcG9ydG9uZS12Mi1zYW5kYm94"
    toss_secret_key: str = "test_sk_sandbox"  # noqa: S105 - the simulator's own
    stripe_secret_key: str = "sk_test_sandbox"  # noqa: S105 - the simulator's own
    stripe_webhook_secret: str = "whsec_sandbox"  # noqa: S105 - the simulator's own


def simulators(settings: SimulatorSettings) -> list[Simulator]:
    """One line per gateway."""
    state, sidecar = settings.coinslot_simulators_state, settings.sidecar_url
    return [
        PortOneV1Simulator(
            Store(state, PortOneV1Simulator.prefix),
            WebhookSettings(url=f"{sidecar}/payment/portone/webhook"),
            key=settings.iamport_api_key,
            secret=settings.iamport_api_secret,
        ),
        PortOneV2Simulator(
            Store(state, PortOneV2Simulator.prefix),
            V2Settings(
                url=f"{sidecar}/payment/portone/webhook",
                secrets=settings.portone_webhook_secrets.split(","),
            ),
            api_secret=settings.portone_api_secret,
            store_id=settings.portone_store_id,
            channel_key=settings.portone_channel_key,
        ),
        TossSimulator(
            Store(state, TossSimulator.prefix),
            WebhookSettings(url=f"{sidecar}/payment/toss/webhook", retries=7),
            secret_key=settings.toss_secret_key,
        ),
        StripeSimulator(
            Store(state, StripeSimulator.prefix),
            EndpointSettings(
                url=f"{sidecar}/payment/stripe/webhook",
                secrets=settings.stripe_webhook_secret.split(","),
            ),
            secret_key=settings.stripe_secret_key,
        ),
    ]


def create_app(settings: SimulatorSettings) -> Sanic[Config, SimpleNamespace]:
    app = Sanic(
        f"simulators-{uuid4().hex[:8]}", error_handler=JsonErrors(), configure_logging=False
    )
    app.config.AUTO_EXTEND = False
    app.config.TOUCHUP = False
    made = app.ctx.simulators = simulators(settings)
    for simulator in made:
        app.blueprint(simulator.blueprints())
    app.blueprint(browser)
    app.add_route(_health, "/_sim/health")
    app.after_server_stop(_close)
    return app


async def _health(request: Request) -> HTTPResponse:
    names = [simulator.prefix for simulator in request.app.ctx.simulators]
    return json({"status": "ok", "simulators": names})


async def _close(app: Sanic[Config, SimpleNamespace]) -> None:
    for simulator in app.ctx.simulators:
        await simulator.sender.close()
        simulator.store.close()
