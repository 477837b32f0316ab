"""The npm package: packed, installed into an app of somebody's, and used there."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from devstack import tools
from devstack.settings import ROOT

PACK = ROOT / "sidecar/deploy/npm_package.py"
TSC = ROOT / "node_modules/typescript/bin/tsc"

APP = """
globalThis.HTMLElement = class {}
globalThis.window = globalThis
globalThis.document = { documentElement: {}, addEventListener() {} }
const { defineCoinslot, refreshBalance, setLocale, resumePayment } = await import('coinslot')
const react = await import('coinslot/react')
const { defineCoinslotPlans } = await import('coinslot/plans')
console.log(JSON.stringify({
  functions: [defineCoinslot, refreshBalance, setLocale, resumePayment, defineCoinslotPlans]
    .map((each) => typeof each),
  same: react.defineCoinslot === defineCoinslot,
}))
"""
TYPED = """
import { defineCoinslot, type Outcome } from 'coinslot'
import { defineCoinslotPlans } from 'coinslot/plans'
import type { Database } from 'coinslot/database.types'

type Product = Database['public']['Tables']['token_products']['Row']
export const define: Promise<void> = defineCoinslot({ supabase: null, gateways: {} })
const told = { supabase: null, gateways: {}, storedAt: '/card' }
export const plans: Promise<void> = defineCoinslotPlans(told)
export const name = (outcome: Outcome, product: Product): string => outcome.kind + product.id
// @ts-expect-error: there is no such option
export const wrong = defineCoinslot({ supabase: null, gateways: {}, sidecar: '' })
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tools.require_node()
    folder = tmp_path_factory.mktemp("npm")
    done = subprocess.run(
        [sys.executable, PACK, folder], check=True, capture_output=True, text=True
    )
    return Path(done.stdout.strip())


@pytest.fixture(scope="module")
def app(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has the package, and the packages that its types name."""
    folder = tmp_path_factory.mktemp("app")
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    subprocess.run(
        ["npm", "install", "--offline", "--legacy-peer-deps", "--silent", archive],  # noqa: S607
        cwd=folder,
        check=True,
        capture_output=True,
    )
    for each in ("@supabase", "@types"):
        (folder / "node_modules" / each).symlink_to(ROOT / "node_modules" / each)
    return folder


def test_holds_the_components_and_neither_pages_nor_tests(archive: Path) -> None:
    with tarfile.open(archive) as packed:
        held = {name.removeprefix("package/") for name in packed.getnames()}
    web = {
        path.relative_to(ROOT / "build/web").as_posix()
        for path in (ROOT / "build/web").rglob("*")
        if path.is_file() and path.suffix not in {".br", ".gz"}
    }
    own = {each for each in web if not each.startswith(("pages/", "registry/"))}
    assert held == own | {"LICENSE", "package.json"}
    assert {"coinslot.js", "coinslot.d.ts"} <= own


def test_an_app_imports_it_by_its_name(app: Path) -> None:
    (app / "app.mjs").write_text(APP)
    done = subprocess.run(
        [tools.require_node(), "app.mjs"], cwd=app, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"functions": ["function"] * 5, "same": True}


def test_an_app_has_its_types(app: Path) -> None:
    (app / "app.ts").write_text(TYPED)
    options = {"module": "esnext", "moduleResolution": "bundler", "target": "esnext"}
    config = {
        "compilerOptions": {**options, "strict": True, "noEmit": True, "skipLibCheck": True},
        "files": ["app.ts"],
    }
    (app / "tsconfig.json").write_text(json.dumps(config))
    done = subprocess.run(
        [tools.require_node(), TSC, "--project", ".", "--pretty", "false"],
        cwd=app,
        check=False,
        capture_output=True,
        text=True,
    )
    assert [line for line in done.stdout.splitlines() if line.startswith("app.ts")] == []
    assert done.returncode == 0, done.stdout


def test_the_example_apps_are_one_shop() -> None:
    """Written again for each way to build it, and never apart."""
    examples = ROOT / "examples"
    shop = (examples / "vite/src/Shop.jsx").read_text(encoding="utf-8")
    server = (examples / "next/app/Shop.jsx").read_text(encoding="utf-8")
    assert server == f"'use client'\n\n{shop}"
    assert len({file.read_bytes() for file in examples.rglob("style.css")}) == 1
