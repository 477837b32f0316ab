"""`python -m simulators` serves the simulators on 127.0.0.1 until it is stopped."""

import logging

from simulators.app import create_app
from simulators.registry import SimulatorSettings

logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
settings = SimulatorSettings()
create_app(settings).run(
    host="127.0.0.1",
    port=settings.coinslot_simulators_port,
    single_process=True,
    access_log=False,
    motd=False,
)
