"""The web application: one process, and one address prefix for each gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from sanic import HTTPResponse, Request, Sanic
from sanic.response import json

from simulators import browser
from simulators.registry import SimulatorSettings, simulators
from simulators.requests import JsonErrors

if TYPE_CHECKING:
    from types import SimpleNamespace

    from sanic.config import Config


def create_app(settings: SimulatorSettings) -> Sanic[Config, SimpleNamespace]:
    app = Sanic(
        f"simulators-{uuid4().hex[:8]}", error_handler=JsonErrors(), configure_logging=False
    )
    app.config.AUTO_EXTEND = False
    app.config.TOUCHUP = False
    app.ctx.simulators = simulators(settings)
    for simulator in app.ctx.simulators:
        app.blueprint(simulator.blueprints())
        app.blueprint(browser.of_gateway(simulator.prefix, simulator.window))
    app.blueprint(browser.shared())
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
