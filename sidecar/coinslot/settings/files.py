"""Settings that stand in files, as platforms hand out secrets.

`SUPABASE_SERVICE_ROLE_KEY_FILE=/run/secrets/key` is one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SUFFIX = "_FILE"


def settings_in_files(
    names: Iterable[str], env_file: str | Path | None
) -> tuple[dict[str, str], dict[str, str]]:
    """The values by field, and for each file that cannot be used the rest of a sentence.

    The name of a file may stand in the environment or in `.env`, as any setting may.
    """
    given = _given(env_file)
    values: dict[str, str] = {}
    problems: dict[str, str] = {}
    for name in names:
        setting = name.upper()
        file = given.get(setting + _SUFFIX)
        if not file:
            continue
        if given.get(setting):
            problems[setting] = f"and {setting}{_SUFFIX} are both set: unset one of them"
            continue
        try:
            values[name] = _content(Path(file))
        except ValueError as problem:
            problems[setting + _SUFFIX] = str(problem)
    return values, problems


def _given(env_file: str | Path | None) -> Mapping[str, str | None]:
    """The environment wins over the file."""
    written = dotenv_values(env_file, encoding="utf-8") if env_file else {}
    return {name.upper(): value for name, value in {**written, **os.environ}.items()}


def _content(file: Path) -> str:
    """The text without the line break that editors and `echo` leave at its end."""
    try:
        text = file.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        message = f"names a file that cannot be read: {error.strerror}"
        raise ValueError(message) from error
    except UnicodeDecodeError as error:
        raise ValueError("names a file that is no text") from error
    if not text:
        raise ValueError("names a file that is empty")
    return text
