"""The services of this deployment, opened for the one task of a command."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NoReturn, TypeVar

import typer

from coinslot.cli.terminal import AWAY, REFUSED, fail

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from coinslot.errors import CoinslotError
    from coinslot.services import Services
    from coinslot.settings.deployment import Settings

T = TypeVar("T")

TRACEBACK = "COINSLOT_TRACEBACK"
"""The variable of the environment with which an error that nobody expected is shown whole."""


def run(work: Callable[[Services], Awaitable[T]], *, quiet: bool = False) -> T:
    """Runs `work`. A refusal, or something that is away, ends the command with a sentence.

    `quiet`: what is logged on the way is not shown, since `work` tells all of it.
    """
    # Loaded here, so that `--help` does not wait for it.
    import asyncio  # noqa: PLC0415

    from pydantic import ValidationError  # noqa: PLC0415

    from coinslot import logs  # noqa: PLC0415
    from coinslot.errors import CoinslotError  # noqa: PLC0415

    settings = this_deployment()
    logs.configure(settings.secrets(), settings.coinslot_log_format, quiet=quiet)
    try:
        return asyncio.run(_with_services(settings, work))
    except CoinslotError as error:
        _fail_with(error)
    except ValidationError as error:
        lines = ["The database's answer is not understood (database_mismatch): push the migrations"]
        lines += [
            f"Detail: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        ]
        fail("\n".join(lines[:4]))
    except (typer.Exit, typer.Abort):
        raise
    except OSError as error:
        # Of a file that the command reads or writes: what a connection does is told otherwise.
        fail(f"{error.strerror or error}: {error.filename or 'a file'}")
    except Exception as error:
        if os.environ.get(TRACEBACK):
            raise
        fail(f"{type(error).__name__}, which nobody expected. {TRACEBACK}=1 shows all of it")


def _fail_with(error: CoinslotError) -> NoReturn:
    from coinslot.errors import DatabaseUnavailable, GatewayUnavailable, TryAgain  # noqa: PLC0415

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
    details = error.explained if isinstance(error, DatabaseError) else error.details
    # That is for pages: a command has its status.
    if details := {name: value for name, value in details.items() if name != "success"}:
        yield f"Detail: {json.dumps(details, ensure_ascii=False, default=str)}"


def this_deployment() -> Settings:
    """The settings. Those that are missing or wrong end the command with a sentence for each."""
    from coinslot.settings.deployment import SettingsError, load_settings  # noqa: PLC0415

    try:
        return load_settings()
    except SettingsError as error:
        fail(str(error))


def settings_problems() -> list[str]:
    """A sentence for each setting that is missing or wrong."""
    from coinslot.settings.deployment import SettingsError, load_settings  # noqa: PLC0415

    try:
        load_settings()
    except SettingsError as error:
        return [line.strip() for line in str(error).splitlines()[1:]]
    return []


async def _with_services(settings: Settings, work: Callable[[Services], Awaitable[T]]) -> T:
    from coinslot.services import opened  # noqa: PLC0415

    async with opened(settings) as services:
        return await work(services)
