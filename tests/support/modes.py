"""The mode of a database that other tests have used, too.

They left tokens of test payments, with which no database becomes live. The trigger that says so is
passed over, for tests that are about something else.
"""

from __future__ import annotations

from typing import LiteralString

_GUARD: LiteralString = "alter table coinslot.settings {} trigger settings_mode_guarded; "


def _mode(mode: LiteralString) -> LiteralString:
    change: LiteralString = "update coinslot.settings set mode = '{}'; "
    return _GUARD.format("disable") + change.format(mode) + _GUARD.format("enable")


LIVE = _mode("live")
TEST = _mode("test")
