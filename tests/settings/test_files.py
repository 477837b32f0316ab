"""Settings in files, as platforms mount secrets; and what platforms set by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coinslot.settings.deployment import SettingsError, load_settings
from coinslot.settings.process import ProcessSettings
from tests.settings.test_deployment import GIVEN, nothing_from_outside

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["nothing_from_outside"]

KEY = "SUPABASE_SERVICE_ROLE_KEY"


@pytest.fixture(autouse=True)
def given(
    nothing_from_outside: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in GIVEN.items():
        if name.upper() != KEY:
            monkeypatch.setenv(name.upper(), value)


def refusal() -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_value_is_the_file_without_the_line_break_at_its_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, end: str
) -> None:
    (tmp_path / "key").write_bytes(b"sb_secret_in_a_file" + end.encode())
    monkeypatch.setenv(f"{KEY}_FILE", str(tmp_path / "key"))
    settings = load_settings()
    assert settings.supabase_service_role_key.get_secret_value() == "sb_secret_in_a_file"
    assert "sb_secret_in_a_file" in settings.secrets()


def test_file_may_be_named_in_the_env_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sb_secret_in_a_file")
    (tmp_path / ".env").write_text(f"{KEY}_FILE={tmp_path / 'key'}\n")
    assert load_settings().supabase_service_role_key.get_secret_value() == "sb_secret_in_a_file"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "names a file that cannot be read: No such file or directory"),
        (b"", "names a file that is empty"),
        (b"\n", "names a file that is empty"),
        (b"\xff\xfe", "names a file that is no text"),
    ],
)
def test_file_that_holds_nothing_is_named_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / "key").write_bytes(content)
    monkeypatch.setenv(f"{KEY}_FILE", str(tmp_path / "key"))
    assert refusal().splitlines()[1:] == [f"  {KEY}_FILE {said}"]


def test_value_and_file_together_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(KEY, "sb_secret_in_the_environment")
    monkeypatch.setenv(f"{KEY}_FILE", str(tmp_path / "key"))
    assert refusal().splitlines()[1:] == [f"  {KEY} and {KEY}_FILE are both set: unset one of them"]


@pytest.mark.parametrize(
    ("given", "listens_at"),
    [
        ({}, ("127.0.0.1", 54430)),
        ({"PORT": "8080"}, ("0.0.0.0", 8080)),  # noqa: S104
        ({"PORT": "8080", "HOST": "::"}, ("::", 8080)),
        ({"HOST": "the-machine"}, ("127.0.0.1", 54430)),
        ({"PORT": "8080", "COINSLOT_SIDECAR_PORT": "9000"}, ("0.0.0.0", 9000)),  # noqa: S104
        ({"PORT": "8080", "COINSLOT_SIDECAR_HOST": "127.0.0.1"}, ("127.0.0.1", 8080)),
    ],
)
def test_platform_says_where_to_listen(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], listens_at: tuple[str, int]
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert ProcessSettings().listens_at == listens_at
