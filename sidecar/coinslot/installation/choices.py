"""An app's choices about Coinslot, as a migration of the app's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["test", "live"]
Profiles = Literal["auto", "own", "none"]

_SQL = """\
-- Choices of this app about Coinslot. The file is yours: change it until you push it. Afterwards
-- `update coinslot.settings` changes the mode; the other two are for the migrations that follow.

update coinslot.settings set
  -- test, or live: which payments are money here. The sidecar must have the same mode.
  mode = '{mode}',
  -- true: people who have signed up before get the sign-up bonus. false: they get none, neither now
  -- nor for signing up again.
  bonus_for_existing_users = {bonus},
  -- auto: make a table public.profiles, unless there is one; show the tokens on it. own: make none,
  -- and show the tokens on yours. none: leave profiles alone.
  profiles = '{profiles}';
"""


@dataclass(frozen=True)
class Choices:
    """The defaults are those of `coinslot.settings`."""

    mode: Mode = "test"
    bonus_for_existing_users: bool = True
    profiles: Profiles = "auto"

    def sql(self) -> bytes:
        bonus = "true" if self.bonus_for_existing_users else "false"
        return _SQL.format(mode=self.mode, bonus=bonus, profiles=self.profiles).encode()
