"""The local stack knows the product from outside: by its settings' names and by its commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coinslot.settings.deployment import WELL_KNOWN_JWT_SECRET, Settings
from devstack import environment
from devstack.keys import LOCAL_JWT_SECRET
from devstack.settings import DevstackSettings

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_sidecars_settings_are_those_of_the_example() -> None:
    """But for the ports, which the stack chooses itself."""
    own = {f"COINSLOT_{name.upper()}" for name in DevstackSettings.model_fields}
    assert set(environment.sidecar_settings()) == {
        name for field in Settings.model_fields if (name := field.upper()) not in own
    }


def test_a_persons_settings_are_passed_on_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("CORS_ORIGINS=https://a.test\nCOINSLOT_LIMIT_READS=off\nEDITOR=vi\n")
    monkeypatch.setenv("CORS_ORIGINS", "https://b.test")
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    person = environment.persons_settings(dotenv)
    assert person["CORS_ORIGINS"] == "https://b.test"
    assert person["COINSLOT_LIMIT_READS"] == "off"
    assert not {"EDITOR", "PYTHONHASHSEED"} & person.keys()
    assert environment.persons_settings(None) == {}


def test_live_mode_refuses_the_keys_of_the_local_stack() -> None:
    """It does so for this secret: see the tests of the settings."""
    assert LOCAL_JWT_SECRET == WELL_KNOWN_JWT_SECRET
