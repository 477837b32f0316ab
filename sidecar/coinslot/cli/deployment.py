"""The services of this deployment, opened for the one task of a command."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

from coinslot.cli.terminal import AWAY, REFUSED, fail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from coinslot.errors import CoinslotError
    from coinslot.services import Services
    from coinslot.settings.deployment import Settings

T = TypeVar("T")


def run(work: Callable[[Services], Awaitable[T]]) -> T:
    """Runs `work`. A refusal, or something that is away, ends the command with a sentence."""
    # Loaded here, so that `--help` does not wait for it.
    import asyncio  # noqa: PLC0415

    from coinslot import logs  # noqa: PLC0415
    from coinslot.errors import (  # noqa: PLC0415
        CoinslotError,
        DatabaseUnavailable,
        GatewayUnavailable,
        TryAgain,
    )

    settings = this_deployment()
    logs.configure(settings.secrets(), settings.coinslot_log_format)
    try:
        return asyncio.run(_with_services(settings, work))
    except CoinslotError as error:
        away = isinstance(error, (DatabaseUnavailable, GatewayUnavailable, TryAgain))
        said = "\n".join([f"{error} ({error.code})", *_details(error)])
        fail(said, AWAY if away else REFUSED)


def _details(error: CoinslotError) -> Iterator[str]:
    """Adds what an operator may read to the sentence, which is written for everybody."""
    from coinslot.database.service import ServiceRefused  # noqa: PLC0415
    from coinslot.errors import DatabaseError  # noqa: PLC0415

    if isinstance(error, ServiceRefused):
        yield (
            "It answers, and refuses: SUPABASE_SERVICE_ROLE_KEY is not of this project, or rights "
            "are missing. Read: select * from coinslot.check_installation();"
        )
    if isinstance(error, DatabaseError) and error.explained:
        yield f"Detail: {json.dumps(error.explained, ensure_ascii=False)}"


def this_deployment() -> Settings:
    """The settings. Those that are missing or wrong end the command with a sentence for each."""
    from coinslot.settings.deployment import SettingsError, load_settings  # noqa: PLC0415

    try:
        return load_settings()
    except SettingsError as error:
        fail(str(error))


async def _with_services(settings: Settings, work: Callable[[Services], Awaitable[T]]) -> T:
    from coinslot.services import opened  # noqa: PLC0415

    async with opened(settings) as services:
        return await work(services)
