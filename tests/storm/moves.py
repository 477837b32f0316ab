"""The plan of who moves: buyers without an account who sign in, people with two accounts, people
who are deleted and come back. Drawn from the seed of the storm, beside the purchases."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from tests.storm.plan import USERS

What = Literal["anonymous", "sign in", "join", "delete", "return"]

_STAYS = 60
"""Steps of the storm that people stay anonymous or away, at most."""


@dataclass(frozen=True, order=True)
class Move:
    """At this step of the storm, the person at this place:

    - `anonymous`: goes on as an anonymous user;
    - `sign in`: merges that one's wallet into their account;
    - `join`: merges their account into that of the person at `other`, whom they are from then on;
    - `delete` and `return`: the account is deleted, and is there again under the same id. `soft`
      is how Auth keeps the row meanwhile.
    """

    at: int
    what: What
    place: int
    other: int = 0
    soft: bool = False
    late: int = 0
    """The number of times it was put off."""


def moves(seed: int, purchases: int) -> list[Move]:
    """One of each kind at least, and one in about fifteen steps of the storm."""
    rng = random.Random(f"{seed}/moves")  # noqa: S311
    steps = 2 * purchases
    found: list[Move] = []
    for number in range(max(steps // 15, 12)):
        at, place = rng.randrange(steps * 4 // 5), rng.randrange(USERS)
        back = min(at + rng.randrange(1, _STAYS), steps)
        kind = number % 6
        if kind < 4:
            found += [Move(at, "anonymous", place), Move(back, "sign in", place)]
        elif kind == 4:
            found.append(
                Move(at, "join", place, other=(place + 1 + rng.randrange(USERS - 1)) % USERS)
            )
        else:
            soft = rng.random() < 0.5
            found += [Move(at, "delete", place, soft=soft), Move(back, "return", place, soft=soft)]
    return sorted(found)
