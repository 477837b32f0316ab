"""`coinslot serve`: the payment routes, until stopped."""

from __future__ import annotations

from coinslot.cli.deployment import this_deployment


def serve() -> None:
    """Serve the payment routes, as the environment and .env say."""
    settings = this_deployment()
    from coinslot.server.app import serve as run_server  # noqa: PLC0415 - `--help` does without it

    run_server(settings)
