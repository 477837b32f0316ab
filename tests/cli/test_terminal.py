"""The habits of every command: JSON for programs, whole ids in pipes, sentences for errors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.main import get_command

from coinslot.cli import deployment
from coinslot.cli.app import app
from coinslot.cli.terminal import Terminal
from coinslot.database.shop_records import Operator
from coinslot.errors import CoinslotError, RefundDeclined
from tests.cli.test_statuses import NOBODY
from tests.support.commands import operate_by_hand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coinslot.services import Services

LONG = "ord_" + "0123456789abcdef" * 20


def commands(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - click's
    below = getattr(command, "commands", None)
    if below is None:
        yield name.strip(), command
    for each, deeper in (below or {}).items():
        yield from commands(deeper, f"{name} {each}")


def test_every_command_has_an_answer_for_programs() -> None:
    found = dict(commands(get_command(app)))
    without = [
        name
        for name, command in found.items()
        if not any("--json" in option.opts for option in command.params)
    ]
    assert len(found) > 15
    assert without == ["serve"]


def test_a_shell_is_told_the_commands() -> None:
    words = {"COMP_WORDS": "coinslot dis", "COMP_CWORD": "1"}
    asked = {"PATH": os.environ["PATH"], "_COINSLOT_COMPLETE": "complete_bash", **words}
    told = subprocess.run(
        [sys.executable, "-m", "coinslot"], env=asked, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["discrepancies"]


def test_a_pipe_gets_whole_ids_and_no_colour(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = Terminal()
    out.print_table(("id", "said"), [(LONG, LONG), ("[red]x", "y")])
    out.print(f"refunded {LONG}", markup=False)
    out.print_sign("✗", "red", LONG)
    with Terminal(stderr=True).progress("working") as tell:
        tell("half")
    told = capsys.readouterr()
    assert told.err == ""
    assert [LONG in line for line in told.out.splitlines()] == [False, True, False, True, True]
    assert told.out.count(LONG) == 4
    assert "\x1b" not in told.out


def test_records_are_one_json_value(capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(user_id="u", role="owner", since="2026-11-29")
    Terminal().print_json({"found": [operator]})
    found = json.loads(capsys.readouterr().out)
    assert found == {
        "found": [{"user_id": "u", "role": "owner", "since": "2026-11-29", "limits": {}}]
    }


async def test_a_terminal_gets_colours() -> None:
    nowhere: Any = SimpleNamespace(env={**NOBODY, "TERM": "xterm"})
    status, screen = await operate_by_hand(nowhere, "doctor", answers=())
    assert status == 1
    assert "\x1b[31m✗\x1b[0m network: SUPABASE_URL" in screen


def told(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """The status and the words of a command that ends with this error."""
    for name, value in NOBODY.items():
        monkeypatch.setenv(name, value)

    async def work(_: Services) -> None:
        raise error

    with pytest.raises(typer.Exit) as ended:
        deployment.run(work)
    return ended.value.exit_code, capsys.readouterr().err


@pytest.fixture
def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what a command configures for its own process nothing is left."""
    monkeypatch.setattr("coinslot.logs.configure", lambda *_, **__: None)


@pytest.mark.usefixtures("as_before")
class TestErrors:
    def test_the_detail_is_printed(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        declined = RefundDeclined("NOT_CANCELABLE", "too late")
        status, said = told(declined, capsys, monkeypatch)
        assert status == 1
        assert '"gateway_code": "NOT_CANCELABLE", "gateway_message": "too late"' in said

    def test_what_only_pages_need_is_not(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, said = told(CoinslotError("No", success=False), capsys, monkeypatch)
        assert said == "No (invalid_request)\n"

    def test_what_nobody_expected_is_a_sentence(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        status, said = told(KeyError("sk_test_secret"), capsys, monkeypatch)
        assert (status, said.count("\n")) == (1, 1)
        assert said.startswith("KeyError, which nobody expected. COINSLOT_TRACEBACK=1")
        monkeypatch.setenv("COINSLOT_TRACEBACK", "1")
        with pytest.raises(KeyError):
            told(KeyError("x"), capsys, monkeypatch)

    def test_a_full_disk_is_a_sentence(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        full = OSError(28, "No space left on device", "report.csv")
        assert told(full, capsys, monkeypatch) == (1, "No space left on device: report.csv\n")
