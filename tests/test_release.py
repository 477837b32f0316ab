"""The release of the program against that of a database: whichever is newer knows the other."""

from __future__ import annotations

from itertools import pairwise

import pytest
from typer.testing import CliRunner

from coinslot import release
from coinslot.cli.app import app
from coinslot.release import misfit, order
from coinslot.routes.openapi.document import document


def test_versions_are_in_order() -> None:
    versions = ["0.1.0.dev0", "0.1.0rc2", "0.1.0rc10", "0.1.0", "0.1.1", "0.2.0.dev1", "0.10.0"]
    assert all(order(before) < order(after) for before, after in pairwise(versions))


@pytest.mark.parametrize(
    ("schema", "oldest_sidecar", "todo"),
    [
        ("0.3.0", "0.1.0", None),
        ("0.2.0", "0.2.0", None),
        ("0.2.1.dev0", "0.2.0", None),
        ("0.3.0", "0.3.0", None),
        ("0.5.0", "0.3.0", None),
        ("0.5.0.dev0", "0.3.0", None),
        ("0.6.0", "0.4.0", "upgrade this server"),
        (None, None, "push the migrations"),
        ("0.1.9", "0.1.0", "push the migrations"),
        ("0.2.0rc1", "0.1.0", "push the migrations"),
        ("0.3.0", None, "upgrade this server"),
        ("edited", "0.1.0", "no version"),
    ],
)
def test_a_misfit_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
    schema: str | None,
    oldest_sidecar: str | None,
    todo: str | None,
) -> None:
    monkeypatch.setattr(release, "VERSION", "0.3.0")
    monkeypatch.setattr(release, "OLDEST_SCHEMA", "0.2.0")
    reason = misfit(schema, oldest_sidecar)
    if todo is None:
        assert reason is None
    else:
        assert reason is not None
        assert todo in reason


def test_the_release_is_shown() -> None:
    shown = CliRunner().invoke(app, ["--version"]).output
    assert shown.startswith(f"coinslot {release.VERSION}, ")
    assert f" {release.OLDEST_SCHEMA} " in shown
    info = document()["info"]
    assert (info["version"], info["x-oldest-schema"]) == (release.VERSION, release.OLDEST_SCHEMA)
