"""The local stack knows the product from outside: by its settings' names and by its commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.testing import CliRunner

from coinslot.settings.deployment import setting_names
from coinslot.settings.supabase_keys import WELL_KNOWN_JWT_SECRET
from devstack import cli, environment
from devstack.keys import LOCAL_JWT_SECRET, ApiKeys
from devstack.settings import DevstackSettings

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_sidecars_settings_are_those_of_the_example() -> None:
    """But for the ports, which the stack chooses itself."""
    own = {f"COINSLOT_{name.upper()}" for name in DevstackSettings.model_fields}
    assert set(environment.sidecar_settings()) == {
        name for field in setting_names() if (name := field.upper()) not in own
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


def test_real_gateway_keys_stay_real() -> None:
    settings, keys = DevstackSettings(_env_file=None), ApiKeys(LOCAL_JWT_SECRET)
    person = {
        "IAMPORT_CODE": "imp1",
        "IAMPORT_API_KEY": "real",
        "IAMPORT_API_SECRET": "real",
        "SUPABASE_URL": "https://hosted.test",
    }
    given = environment.sidecar(settings, keys, person)
    assert given["IAMPORT_API_KEY"] == "real"
    assert "IAMPORT_API_URL" not in given
    assert given["SUPABASE_URL"] == settings.api_url
    simulated = environment.sidecar(settings, keys, {"IAMPORT_API_URL": "https://api.iamport.kr"})
    assert simulated["IAMPORT_API_URL"] == f"{settings.simulators_url}/portone-v1"
    assert environment.published(settings, keys)["IAMPORT_API_KEY"] != "real"


def test_the_store_sells_through_the_version_of_portone_that_is_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COINSLOT_DEVSTACK_DIR", str(tmp_path))
    monkeypatch.setenv("COINSLOT_PORTONE", "v2")
    settings = DevstackSettings(_env_file=None)
    given = environment.sidecar(settings, ApiKeys(LOCAL_JWT_SECRET), {})
    assert given["PORTONE_API_URL"] == f"{settings.simulators_url}/portone-v2"
    assert "IAMPORT_API_URL" not in given
    demo = CliRunner().invoke(cli.app, ["demo"])
    assert (demo.exit_code, demo.output.split(":")[1].strip()) == (1, "unset COINSLOT_PORTONE")
    monkeypatch.setenv("COINSLOT_PORTONE", "v3")
    result = CliRunner().invoke(cli.app, ["status"])
    assert (result.exit_code, result.output.split(":")[0]) == (1, "COINSLOT_PORTONE")
