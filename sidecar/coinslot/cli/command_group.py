"""Commands that stand together under one name. Their help is plain text, which is quick to make."""

from __future__ import annotations

import typer


def command_group(about: str, *, completion: bool = False) -> typer.Typer:
    """An empty group. `about` is the first sentence of its help. `completion`: it has the options
    that teach a shell its commands."""
    return typer.Typer(
        help=about,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=completion,
        # Frames and colours would take longer than all the rest.
        rich_markup_mode=None,
        context_settings={"max_content_width": 100},
    )
