"""`python -m simulators` serves the simulators until stopped."""

import logging

from simulators.app import SimulatorSettings, create_app

logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
settings = SimulatorSettings()
create_app(settings).run(
    host="127.0.0.1",
    port=settings.coinslot_simulators_port,
    single_process=True,
    access_log=False,
    motd=False,
)
