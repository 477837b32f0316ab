"""The one exception of an installation that cannot go on."""

from __future__ import annotations


class InstallationRefused(Exception):  # noqa: N818 - named after what happened
    """Says in a sentence what is in the way. Nothing was changed."""


class DatabaseAway(InstallationRefused):
    """Nobody knows what is in the way: the database does not answer."""
