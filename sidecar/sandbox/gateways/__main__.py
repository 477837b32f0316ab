"""Serves the simulators until stopped."""

from sidecar import logs
from sidecar.sandbox.gateways import SimulatorSettings, create_app

settings = SimulatorSettings()
logs.configure([], "console")
create_app(settings).run(
    host="127.0.0.1",
    port=settings.coinslot_simulators_port,
    single_process=True,
    access_log=False,
    motd=False,
)
