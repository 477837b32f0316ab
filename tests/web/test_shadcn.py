"""An item of a shadcn registry: what is built, which shadcn's command copies into an app."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from devstack import tools
from devstack.settings import ROOT

if TYPE_CHECKING:
    from pathlib import Path

BUILT = ROOT / "build/web"
ITEM = BUILT / "registry/coinslot.json"
SHADCN = "shadcn@4.23.1"
TSC = ROOT / "node_modules/typescript/bin/tsc"
CHECK = """
import { readFileSync } from 'node:fs'
import { registryItemSchema } from 'shadcn/schema'
registryItemSchema.parse(JSON.parse(readFileSync(process.argv[1], 'utf8')))
"""
APP = {
    "package.json": json.dumps({"type": "module", "private": True}),
    "vite.config.ts": "export default {}\n",
    "src/index.css": '@import "tailwindcss";\n',
    "components.json": json.dumps(
        {
            "style": "new-york",
            "rsc": False,
            "tsx": True,
            # With the name of a palette the command asks its own site for it.
            "tailwind": {"css": "src/index.css", "baseColor": "", "cssVariables": True},
            "aliases": {"components": "@/components", "utils": "@/lib/utils"},
        }
    ),
    "tsconfig.json": json.dumps(
        {
            "compilerOptions": {
                "module": "esnext",
                "moduleResolution": "bundler",
                "target": "esnext",
                "strict": True,
                "noEmit": True,
                "skipLibCheck": True,
                "jsx": "react-jsx",
                "paths": {"@/*": ["./src/*"]},
            },
            "include": ["src"],
        }
    ),
    "src/Tokens.tsx": (ROOT / "tests/examples/shadcn/Tokens.tsx").read_text(encoding="utf-8"),
    "src/utils/supabase/client.ts": """
import { createClient as made } from '@supabase/supabase-js'

export const createClient = () => made('https://x.test', 'key')
""",
}


@pytest.fixture(scope="module")
def item() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ITEM.read_text(encoding="utf-8"))
    return found


def copied(item: dict[str, Any]) -> dict[str, str]:
    """By where it stands in an app."""
    return {each["target"]: each["content"] for each in item["files"] if "target" in each}


def test_it_holds_what_is_built_and_all_that_this_asks_for(item: dict[str, Any]) -> None:
    files = copied(item)
    for target, content in files.items():
        assert content == (BUILT / target.removeprefix("lib/coinslot/")).read_text(encoding="utf-8")
    asked = re.findall(r'import\("\./([\w.-]+)"\)', files["lib/coinslot/coinslot.js"])
    assert len(asked) == 1
    assert {f"lib/coinslot/{asked[0]}", "lib/coinslot/coinslot.d.ts"} <= set(files)


def test_its_files_have_names_of_their_own(item: dict[str, Any]) -> None:
    """The command takes an import for that of any copied file of that name."""
    around = [each["path"].partition(".")[0] for each in item["files"] if "target" not in each]
    assert (
        set(around) & {target.rpartition("/")[2].partition(".")[0] for target in copied(item)}
        == set()
    )


def test_it_gives_only_colours_and_forms_that_the_components_take(item: dict[str, Any]) -> None:
    tokens = (ROOT / "sidecar/web/styles/tokens.css").read_text(encoding="utf-8")
    for name in item["css"]["@layer base"][":root"]:
        assert f"var({name}," in tokens


@pytest.mark.proof
@pytest.mark.registry
@pytest.mark.timeout(600)
def test_the_command_of_shadcn_copies_it_into_an_app(tmp_path: Path, item: dict[str, Any]) -> None:
    """Its own schema takes the item; what it copies is what is built, and has its types."""
    command, app = tmp_path / "command", tmp_path / "app"
    command.mkdir()
    for name, content in APP.items():
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text(content, encoding="utf-8")
    (command / "package.json").write_text("{}")
    run(command, "npm", "install", "--no-audit", "--no-fund", "--silent", SHADCN)
    node = tools.require_node()
    run(command, node, "--input-type=module", "-e", CHECK, str(ITEM))
    shadcn = command / "node_modules/shadcn/dist/index.js"
    run(app, node, str(shadcn), "add", str(ITEM), "--yes")
    for target, content in copied(item).items():
        assert (app / "src" / target).read_text(encoding="utf-8") == content
    styles = (app / "src/index.css").read_text(encoding="utf-8")
    assert "--coinslot-accent: var(--primary)" in styles
    assert (app / "node_modules/@supabase/supabase-js").is_dir()
    (app / "node_modules/@types").mkdir(exist_ok=True)
    for each in ("@types/react", "csstype"):
        (app / "node_modules" / each).symlink_to(ROOT / "node_modules" / each)
    run(app, node, str(TSC), "--project", ".", "--pretty", "false")


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
