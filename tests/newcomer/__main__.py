"""`python -m tests.newcomer`: from an empty folder to a sold pack, as docs/deploy says; or 1.

The project is like a new one at Supabase: empty, with keys of the new form, JWTs signed with ES256,
a pool of 10 and strict grants. The package is installed with the machine's own Python from the lock
file, and the function runs in Lambda's real client. The third way, the image, is `tests.image`.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from devstack import tools
from devstack.settings import ROOT
from tests.support.clusters import devstack_settings, discard, free_ports
from tests.support.first_sale import FREE, PACK, first_sale
from tests.support.installed import UV, built
from tests.support.lambda_runtime import Function, function
from tests.support.shop import Shop
from tests.support.stacks import BusyStack, LocalStack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devstack.processes import Program

MINUTES = 15.0
_OURS = (
    "PYTHON",
    "COINSLOT_",
    "SUPABASE_",
    "IAMPORT_",
    "PORTONE_",
    "TOSS_",
    "STRIPE_",
    "FRONTEND_",
    "CORS_",
)
"""Variables of this shell that a newcomer's would not have."""
PYTHON = "/usr/bin/python3"
LOCK = ROOT / "requirements-runtime.lock"
GIVEN = (
    *("SUPABASE_URL", "SUPABASE_ANON_KEY", "SUPABASE_SERVICE_ROLE_KEY"),
    *("IAMPORT_CODE", "IAMPORT_API_KEY", "IAMPORT_API_SECRET", "IAMPORT_API_URL"),
    *("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_API_URL"),
)
_CONFIG = 'project_id = "new"\n[db]\nmajor_version = 17\n'


class NewProject(BusyStack):
    """A project without anything of Coinslot, and no sidecar beside it."""

    @cached_property
    def programs(self) -> list[Program]:
        return [each for each in super().programs if each.name != "sidecar"]

    def _migrate(self) -> None:
        if not self._migrated.exists():
            self._migrated.write_text("{}")


@contextmanager
def new_project(folder: Path) -> Iterator[LocalStack]:
    (folder / "supabase/migrations").mkdir(parents=True)
    (folder / "supabase/config.toml").write_text(_CONFIG)
    given = {"hosted": True, "project_dir": folder}
    manager = NewProject(devstack_settings("newcomer").model_copy(update=given), dotenv=None)
    try:
        manager.up()
        yield LocalStack(manager)
    finally:
        discard(manager)


class Way:
    """The steps of one way, with the seconds that each took."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.seconds = 0.0

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        took = time.monotonic() - began
        self.seconds += took
        sys.stdout.write(f"{self._name}, {what}: {took:.1f} s\n")
        sys.stdout.flush()


def run(*command: str | Path, cwd: Path) -> str:
    environment = {name: os.environ[name] for name in os.environ if not name.startswith(_OURS)}
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=environment, check=False, text=True, capture_output=True
    )
    if done.returncode:
        message = f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
        raise SystemExit(message)
    return done.stdout


def filled_in(values: dict[str, str]) -> str:
    """`.env.example` with these values. Each has a line there."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    for name, value in values.items():
        text, count = re.subn(rf"^(# )?{name}=.*$", f"{name}={value}", text, flags=re.M)
        assert count == 1, name
    return text


def settings_of(stack: LocalStack) -> dict[str, str]:
    return {name: value for name, value in stack.env.items() if name in GIVEN}


def package(stack: LocalStack, folder: Path, wheel: Path) -> float:
    way, project = Way("package"), stack.settings.project_dir
    coinslot, home = folder / "env/bin/coinslot", folder / "home"
    home.mkdir()
    with way.step("install"):
        run(PYTHON, "-m", "venv", folder / "env", cwd=folder)
        pip = (folder / "env/bin/pip", "install", "--quiet")
        run(*pip, "--require-hashes", "--requirement", LOCK, cwd=folder)
        run(*pip, "--no-deps", wheel, cwd=folder)
    with way.step("migrations"):
        run(coinslot, "migrations", "add", project, cwd=home)
        tools.supabase(stack.settings, "db", "push")
    (port,) = free_ports(1)
    values = {**settings_of(stack), "COINSLOT_SIDECAR_PORT": str(port)}
    (home / ".env").write_text(filled_in(values), encoding="utf-8")
    with way.step("doctor"):
        run(coinslot, "doctor", cwd=home)
    server = subprocess.Popen([coinslot, "serve"], cwd=home, stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        with way.step("start to ready"):
            wait_ready(f"{address}/ready")
        with way.step("sale"):
            asyncio.run(first_sale(stack, address))
        with way.step("doctor beside the server"):
            assert f"{address} is this server" in run(coinslot, "doctor", cwd=home)
    finally:
        server.terminate()
        assert server.wait(40) == 0
    return way.seconds


def as_function(stack: LocalStack, folder: Path, wheel: Path) -> float:
    """In the form of `make lambda`, for the Python that the tests have."""
    way, there = Way("lambda"), folder / "function"
    with way.step("make"):
        pip = (UV, "pip", "install", "--quiet", "--target", there, "--python", sys.executable)
        run(*pip, "--require-hashes", "--requirements", LOCK, cwd=folder)
        run(*pip, "--no-deps", wheel, cwd=folder)
        compiling = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash")
        run(sys.executable, *compiling, there, cwd=folder)
    values = {**settings_of(stack), "FRONTEND_URL": "https://app.example.com"}
    with function(values, folder, [str(there)]) as running:
        with way.step("process to first answer"):
            assert running.invoke(event("GET", "/health"))["statusCode"] == 200
        with way.step("sale"):
            asyncio.run(sold_by(running, stack))
        with way.step("sweep"):
            assert set(running.invoke({"coinslot": "sweep"}).values()) == {"done"}
    return way.seconds


async def sold_by(running: Function, stack: LocalStack) -> None:
    async with httpx.AsyncClient() as http:
        shop = Shop(stack, http, stack.sign_up(), "")
        asked = event("POST", "/api/payments/checkout", {"packageId": "starter"}, shop.jwt)
        order_id = json.loads(running.invoke(asked)["body"])["orderId"]
        paid = {"imp_uid": await shop.pay(order_id), "merchant_uid": order_id, "status": "paid"}
        told = running.invoke(event("POST", "/payment/portone/webhook", paid))
        assert told["statusCode"] == 200
        assert await shop.tokens() == FREE + PACK


def event(
    method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> dict[str, object]:
    """Of a Function URL."""
    given = {name.lower(): value for name, value in (headers or {}).items()}
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "x.lambda-url.aws", "content-type": "application/json", **given},
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "203.0.113.9"}},
        "body": "" if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def wait_ready(url: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    message = f"{url} did not answer"
    raise SystemExit(message)


def main() -> int:
    folder = Path(tempfile.mkdtemp(prefix="newcomer-"))
    try:
        wheel = built("wheel", folder / "dist")
        with new_project(folder / "project") as stack:
            total = package(stack, folder, wheel) + as_function(stack, folder, wheel)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.write(f"both, one after the other: {total / 60:.1f} minutes\n")
    return int(total > MINUTES * 60)


if __name__ == "__main__":
    sys.exit(main())
