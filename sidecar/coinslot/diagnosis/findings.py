"""The result of one check: a line for a person, an object for a program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "fault", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    `level` is `unknown` where nobody could be asked. `repair` says what to do; it is a statement
    for the owner of the database where `sql` is true. `stops_buyers`: nobody can sign up, buy or
    spend with it.
    """

    part: str
    level: Level
    code: str
    problem: str
    repair: str = ""
    subject: str = ""
    stops_buyers: bool = False
    sql: bool = False


def sound(part: str, said: str) -> Finding:
    return Finding(part, "ok", "ok", said)


def fault(
    part: str, code: str, problem: str, repair: str, *, stops_buyers: bool = False
) -> Finding:
    return Finding(part, "fault", code, problem, repair, stops_buyers=stops_buyers)


def warning(part: str, code: str, problem: str, repair: str) -> Finding:
    return Finding(part, "warning", code, problem, repair)


def unknown(part: str, code: str, problem: str, repair: str) -> Finding:
    return Finding(part, "unknown", code, problem, repair)
