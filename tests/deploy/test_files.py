"""The files of `sidecar/deploy`: what they name exists, and they agree with each other."""

from __future__ import annotations

import re
import shutil
import subprocess
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from coinslot.settings.deployment import setting_names
from devstack.settings import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DEPLOY = ROOT / "sidecar/deploy"
FILES = sorted(path for path in DEPLOY.iterdir() if path.suffix != ".py" and path.is_file())


class _Template(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation's functions, `!Ref` and its like."""


_Template.add_multi_constructor("!", lambda _loader, _suffix, node: node.value)


def template() -> dict[str, Any]:
    return dict(yaml.load((DEPLOY / "lambda.yaml").read_text(), _Template))  # noqa: S506


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_settings_that_a_file_names_exist(file: Path) -> None:
    named = set(
        re.findall(r"\b(?:COINSLOT|SUPABASE|STRIPE)_[A-Z_]*[A-Z]\b(?=[:=])", file.read_text())
    )
    own = {"COINSLOT_IMAGE", "COINSLOT_DOMAIN", "COINSLOT_ENV", "COINSLOT_SECRETS"}
    assert {name.removesuffix("_FILE").lower() for name in named - own} <= set(setting_names())


def test_image_copies_what_is_let_into_its_context() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", (DEPLOY / "Dockerfile").read_text(), re.M))
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert copied == {line[1:] for line in let_in if line.startswith("!")}


def test_image_is_not_root_and_pins_no_digest_that_nobody_saw() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    last = dockerfile.rpartition("\nFROM ")[2]
    assert re.search(r"^USER [1-9]\d*:[1-9]\d*$", last, re.M)
    assert "sha256" not in dockerfile
    assert "--require-hashes" in dockerfile


def test_lambda_calls_a_handler_that_exists() -> None:
    module, _, name = template()["Globals"]["Function"]["Handler"].rpartition(".")
    assert callable(getattr(import_module(module), name))


def test_lambda_sweeps_by_schedule_and_has_time_for_a_gateway() -> None:
    resources = template()["Resources"]
    (event,) = resources["Sweep"]["Properties"]["Events"].values()
    assert event["Properties"]["Input"] == '{"coinslot": "sweep"}'
    assert resources["Sidecar"]["Properties"]["Timeout"] >= 30


def test_lambda_s_python_is_the_one_that_its_folder_is_made_for() -> None:
    (made,) = re.findall(r"^LAMBDA_PYTHON \?= (\S+)", (ROOT / "Makefile").read_text(), re.M)
    assert template()["Globals"]["Function"]["Runtime"] == f"python{made}"


def test_compose_runs_the_sidecar_without_rights_and_lets_it_stop() -> None:
    sidecar = compose()["services"]["sidecar"]
    assert sidecar["read_only"] is True
    assert sidecar["cap_drop"] == ["ALL"]
    assert sidecar["stop_grace_period"] == "30s"
    assert (DEPLOY / sidecar["build"]["context"]).resolve() == ROOT
    assert (ROOT / sidecar["build"]["dockerfile"]).is_file()
    secret = sidecar["environment"]["SUPABASE_SERVICE_ROLE_KEY_FILE"].rpartition("/")[2]
    assert sidecar["secrets"] == [secret]
    assert secret in compose()["secrets"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_unit_is_sound(tmp_path: Path) -> None:
    """`ExecStart` has to be a program that is there."""
    unit = (
        (DEPLOY / "coinslot.service").read_text().replace("/opt/coinslot/bin/coinslot", "/bin/true")
    )
    (tmp_path / "coinslot.service").write_text(unit)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / "coinslot.service"],  # noqa: S607
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
