"""`coinslot serve`: the payment routes, until stopped."""

from __future__ import annotations

import gc

from coinslot.cli.deployment import this_deployment


def serve() -> None:
    """Serve the payment routes, as the environment and .env say."""
    settings = this_deployment()
    # What is being loaded stays: to look through it for garbage takes a tenth of the start.
    gc.disable()
    from coinslot.server.app import serve as run_server  # noqa: PLC0415 - `--help` does without it

    gc.enable()
    run_server(settings)
