"""Makes mutants and shows them to the proofs: one server, a database or a copy for each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg

from devstack.settings import ROOT
from tests.mutants.mutant import Mutant, SidecarMutant, SqlMutant
from tests.mutants.plugin import VARIABLE
from tests.support import pgtap
from tests.support.clusters import Cluster

_LEFT_OUT = shutil.ignore_patterns(
    ".*", "__pycache__", "*.egg-info", "node_modules", "build", "dist"
)


class Broken(Exception):  # noqa: N818 - a verdict
    """A proof that could not be run, or that fails without any mutant."""


@dataclass(frozen=True)
class Verdict:
    mutant: Mutant
    caught_by: str | None
    seconds: float


class Laboratory:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._template = cluster.pgtap_template("strict")

    def judge(self, mutant: Mutant) -> Verdict:
        began = time.monotonic()
        show = self._shown if isinstance(mutant, SqlMutant) else self._edited
        with show(mutant) as notices:
            caught_by = next((proof for proof in mutant.proof if notices(proof)), None)
        return Verdict(mutant, caught_by, time.monotonic() - began)

    def check_proofs(self, mutants: Sequence[Mutant]) -> None:
        """Everything that is to catch a mutant passes where there is none."""
        proofs = [
            dict.fromkeys(p for m in mutants if isinstance(m, kind) for p in m.proof)
            for kind in (SqlMutant, SidecarMutant)
        ]
        with self.database() as database:
            files = [proof for proof in proofs[0] if proof.endswith(".sql")]
            failed = [proof for proof in files if self._notices(database, proof)]
            rest = [proof for proof in proofs[0] if proof not in files]
            if rest and _fails(ROOT, rest, self._environment(database)):
                failed += rest
        with _copy() as root:
            if proofs[1] and _fails(root, list(proofs[1]), dict(os.environ)):
                failed += proofs[1]
        if failed:
            message = f"fails without any mutant: {', '.join(failed)}"
            raise Broken(message)

    @contextmanager
    def database(self, mutant: SqlMutant | None = None) -> Iterator[str]:
        with self._cluster.clone(self._template) as database:
            if mutant is not None:
                with psycopg.connect(self._cluster.url(database)) as connection:
                    mutant.apply(connection)
            yield database

    @contextmanager
    def _shown(self, mutant: Mutant) -> Iterator[partial[bool]]:
        assert isinstance(mutant, SqlMutant)
        with self.database(mutant) as database:
            yield partial(self._notices, database, mutant=mutant.name)

    @contextmanager
    def _edited(self, mutant: Mutant) -> Iterator[partial[bool]]:
        assert isinstance(mutant, SidecarMutant)
        with _copy() as root:
            mutant.apply(root)
            yield partial(_notices_edit, root)

    def _notices(self, database: str, proof: str, mutant: str | None = None) -> bool:
        if not proof.endswith(".sql"):
            return _fails(ROOT, [proof], self._environment(database, mutant))
        return bool(pgtap.run(self._cluster, ROOT / proof, database).problems)

    def _environment(self, database: str, mutant: str | None = None) -> dict[str, str]:
        shown = {"port": self._cluster.port, "template": database, "mutant": mutant}
        return {**os.environ, VARIABLE: json.dumps(shown)}


@contextmanager
def _copy() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="coinslot-mutant-") as folder:
        root = Path(folder) / "coinslot"
        shutil.copytree(ROOT, root, ignore=_LEFT_OUT)
        (root / "node_modules").symlink_to((ROOT / "node_modules").resolve())
        (root / "build").mkdir()
        (root / "build" / "web").symlink_to((ROOT / "build" / "web").resolve())
        yield root


def _notices_edit(root: Path, proof: str) -> bool:
    return _fails(root, [proof], dict(os.environ))


def _fails(root: Path, tests: Sequence[str], environment: dict[str, str]) -> bool:
    options = ("-q", "-x", "-n", "0", "-p", "no:cacheprovider", "-p", "tests.mutants.plugin")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=root,
        env={**environment, "PYTHONPATH": str(root / "sidecar")},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode not in (0, 1):
        message = f"{', '.join(tests)}\n{run.stdout[-3000:]}\n{run.stderr[-1000:]}"
        raise Broken(message)
    return run.returncode == 1
