"""`python sidecar/deploy/npm_package.py FOLDER`: the web components as an npm package.

It holds what `make web` has built, without the pages. `sidecar/web/package.json` is the manifest,
without a version: it is the product's.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_VERSION = re.compile(r'^VERSION = "(\d+\.\d+\.\d+)(?:\.?(dev|rc)(\d+))?"$', re.MULTILINE)
# An app's own server packs what it sends, and shadcn's command asks the sidecar.
_UNPACKED = shutil.ignore_patterns("pages", "registry", "*.br", "*.gz")


def version(release: str) -> str:
    """The version in `release.py` as npm writes it: 0.1.0.dev0 is 0.1.0-dev.0 there."""
    found = _VERSION.search(release)
    if found is None:
        message = "release.py has no VERSION that npm could have"
        raise ValueError(message)
    plain, kind, number = found.groups()
    return plain if kind is None else f"{plain}-{kind}.{number}"


def pack(folder: Path) -> Path:
    """The package's archive, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    release = (ROOT / "sidecar/coinslot/release.py").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as there:
        staged = Path(there) / "web"
        shutil.copytree(ROOT / "build/web", staged, ignore=_UNPACKED)
        shutil.copy(ROOT / "LICENSE", staged)
        manifest = json.loads((ROOT / "sidecar/web/package.json").read_text(encoding="utf-8"))
        manifest["version"] = version(release)
        (staged / "package.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
        done = subprocess.run(
            ["npm", "pack", "--json", "--pack-destination", folder.resolve()],  # noqa: S607
            cwd=staged,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    (made,) = json.loads(done.stdout)
    return folder / made["filename"]


if __name__ == "__main__":
    sys.stdout.write(f"{pack(Path(sys.argv[1]))}\n")
