"""Kills at a point: between two steps of sending an event or a mail, known from outside."""

from __future__ import annotations

import random
import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.events.world import EventStack

# After the second mailing of one mail: a third would be a rule broken.
AGAIN = "mail taken again"
# In the order in which they are passed. Up to `recorded` the database does not know the end.
POINTS = (
    *("events claimed", "events about to go", "event posted", "event answered", "event recorded"),
    *("mails claimed", "mails about to go", "mail offered", "mail taken", AGAIN),
    *("mail answered", "mail recorded"),
)
# Of those that come to a point, so that kills are spread. Few come to AGAIN: each is taken there,
# and for them some more at the point before it.
_SHARE = 0.5
_SHARE_FOR_AGAIN = 0.02


class Kills:
    """So many at each point. Called from the loop and from other threads: while one kills or
    starts, no other does."""

    def __init__(self, stack: EventStack, of_each: int, seed: int) -> None:
        self.done: Counter[str] = Counter()
        self.dead: set[str] = set()
        self._stack = stack
        self._left = Counter(dict.fromkeys(POINTS, of_each))
        self._rng = random.Random(f"{seed}/kills")  # noqa: S311 - not secret
        self._lock = threading.Lock()
        self._over = False

    @property
    def left(self) -> int:
        return self._left.total()

    @property
    def missing(self) -> list[str]:
        """Points at which somebody was to be killed, and was not."""
        return [point for point, number in self._left.items() if number]

    def at(self, point: str, name: str | None) -> bool:
        """Kills this process if it is its turn here; true if it is dead now."""
        if name is None or name in self.dead:
            return name is not None
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._over or self._rng.random() > self._share(point):
                return False
            self._left[point] = max(0, self._left[point] - 1)
            self._put_down(point, name)
        finally:
            self._lock.release()
        return True

    def anywhere(self, name: str) -> None:
        """Kills it whatever it is doing."""
        with self._lock:
            self._put_down(f"{name}, anywhere", name)

    def end(self) -> None:
        """Kills nobody from here on."""
        with self._lock:
            self._over = True

    def start_again(self) -> None:
        """Starts what is dead."""
        with self._lock:
            for name in [*self.dead]:
                self._stack.start(name)
                self.dead.discard(name)

    def _share(self, point: str) -> float:
        if self._left[point] > 0:
            return 1.0 if point == AGAIN else _SHARE
        return _SHARE_FOR_AGAIN if point == "mail taken" and self._left[AGAIN] > 0 else 0.0

    def _put_down(self, why: str, name: str) -> None:
        self.dead.add(name)
        self.done[why] += 1
        self._stack.kill(name)
