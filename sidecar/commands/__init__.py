"""What the commands of an operator share: the services of this deployment, opened for one task."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NoReturn, TypeVar

import typer
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sidecar.services import Services
    from sidecar.settings import Settings

T = TypeVar("T")

out = Console(highlight=False)
_err = Console(stderr=True, highlight=False)


def run(work: Callable[[Services], Awaitable[T]]) -> T:
    """Ends the command with a sentence where `work` is refused or something is not there."""
    # Here, so that the other commands do not load a server they have no use for.
    from sidecar import logs  # noqa: PLC0415
    from sidecar.errors import ApiError  # noqa: PLC0415
    from sidecar.settings import SettingsError, load_settings  # noqa: PLC0415

    try:
        settings = load_settings()
    except SettingsError as error:
        fail(str(error))
    logs.configure(settings.secrets(), settings.coinslot_log_format)
    try:
        return asyncio.run(_with_services(settings, work))
    except ApiError as error:
        fail(f"{error} ({error.code})")


def fail(message: str) -> NoReturn:
    _err.print(message, markup=False)
    raise typer.Exit(1)


async def _with_services(settings: Settings, work: Callable[[Services], Awaitable[T]]) -> T:
    from sidecar.services import opened  # noqa: PLC0415

    async with opened(settings) as services:
        return await work(services)
