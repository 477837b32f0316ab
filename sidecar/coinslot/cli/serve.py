"""`coinslot serve`: the payment routes, until stopped."""

from __future__ import annotations

import gc

from coinslot.cli.deployment import this_deployment
from coinslot.cli.terminal import fail


def serve() -> None:
    """Serve the payment routes, as the environment and .env say."""
    settings = this_deployment()
    # What is being loaded stays: to look through it for garbage takes a tenth of the start.
    gc.disable()
    from coinslot.server.app import serve as run_server  # noqa: PLC0415 - `--help` does without it
    from coinslot.server.listener import CannotListenError  # noqa: PLC0415

    gc.enable()
    try:
        run_server(settings)
    except CannotListenError as error:
        fail(str(error))
