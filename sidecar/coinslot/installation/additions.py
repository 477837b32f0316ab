"""The files that an app's folder of migrations still needs, under times of their own.

Files that are there are known by topic and by text. Those that are missing go behind the app's
newest migration, in order, so that a push takes them without being told to look back.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from coinslot.installation.choices import Choices
from coinslot.installation.folder import version_of
from coinslot.installation.refusal import InstallationRefused
from coinslot.installation.shipped import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coinslot.installation.shipped import Migration

CHOICES = "choices"
_COPY = re.compile(r"\d+_coinslot_(\w+)\.sql")
_END_OF_TIME = int(datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp())


@dataclass(frozen=True)
class Copies:
    """Coinslot's files in an app's folder: the name of each by its topic."""

    names: Mapping[str, str]
    choices: str | None
    """The name of the app's own file, where there is one."""


def copies(files: Mapping[str, bytes], shipped: Sequence[Migration]) -> Copies:
    """Finds them. Refuses copies that were changed, that are there twice, or that have a gap."""
    topics = {plain(migration.text): migration.topic for migration in shipped}
    names: dict[str, str] = {}
    wrong = []
    choices = None
    for name, text in files.items():
        copied = _COPY.fullmatch(name)
        called = copied[1] if copied else ""
        topic = topics.get(plain(text))
        if called == CHOICES:
            choices = name
        elif called in topics.values() and called != topic:
            wrong.append(f"{name}: it is not as this version of Coinslot has it")
            names.setdefault(called, name)
        if topic in names:
            wrong.append(f"{name}: it is there twice, as {names[topic]} too")
        elif topic is not None:
            names[topic] = name
    wrong += _after_a_gap(names, shipped)
    if wrong:
        raise InstallationRefused("\n- ".join(["Nothing was added:", *wrong]))
    return Copies(names, choices)


def _after_a_gap(names: Mapping[str, str], shipped: Sequence[Migration]) -> Iterator[str]:
    missing = None
    for migration in shipped:
        if migration.topic not in names:
            missing = missing or migration.topic
        elif missing:
            yield f"{names[migration.topic]}: {missing} is missing, which comes before it"


def additions(
    files: Mapping[str, bytes],
    shipped: Sequence[Migration],
    choices: Choices | None,
    now: datetime,
) -> dict[str, bytes]:
    """The text of each missing file by its new name, in order.

    The choices, by default the usual ones, go behind the first migration: written once, and never
    where the app has its own, or has more migrations. Refuses those that can no longer be written.
    """
    there = copies(files, shipped)
    missing = [(m.topic, m.text) for m in shipped if m.topic not in there.names]
    if there.choices is None and set(there.names) <= {shipped[0].topic}:
        text = (choices or Choices()).sql()
        missing.insert(0 if shipped[0].topic in there.names else 1, (CHOICES, text))
    elif choices is not None:
        _refuse_other(choices, there.choices, files)
    times = _times(files, len(missing), int(now.timestamp()))
    return {
        f"{time}_coinslot_{topic}.sql": text
        for time, (topic, text) in zip(times, missing, strict=True)
    }


def _refuse_other(choices: Choices, name: str | None, files: Mapping[str, bytes]) -> None:
    if name is None:
        raise InstallationRefused(
            "The migrations that ask for your choices are there already. Leave the options out, "
            "and change coinslot.settings with SQL"
        )
    if plain(files[name]) != plain(choices.sql()):
        message = (
            f"{name} has other choices, and is yours. Leave the options out, and change the file "
            "unless it has been pushed; then change coinslot.settings with SQL"
        )
        raise InstallationRefused(message)


def _times(files: Mapping[str, bytes], number: int, now: int) -> list[str]:
    """As many seconds as that, up to now if the newest migration leaves the room."""
    first = _behind(files, now - number + 1)
    if first + number > _END_OF_TIME:
        message = f"No time comes after the migration {max(files)}: rename it"
        raise InstallationRefused(message)
    return [_version(first + n) for n in range(number)]


def _behind(files: Mapping[str, bytes], earliest: int) -> int:
    """The first second behind all files, by their versions and by their names: these have another
    order where a version is not of 14 digits."""
    seconds = range(earliest, _END_OF_TIME)
    version = max(map(version_of, files), default="")
    name = max((f"{version_of(name)}_" for name in files), default="")
    return earliest + max(
        bisect_right(seconds, version, key=_version),
        bisect_right(seconds, name, key=lambda second: f"{_version(second)}_"),
    )


def _version(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")
