"""The mutants fit the present schema and package, and the laboratory tells caught from missed."""

from __future__ import annotations

import shutil
from pathlib import Path

import psycopg
import pytest

from devstack.settings import ROOT
from tests.mutants.laboratory import Laboratory
from tests.mutants.mutant import DoesNotFit, Edit, Rewrite, Run, SidecarMutant, SqlMutant
from tests.mutants.payment_rules import REFUSALS
from tests.mutants.register import MUTANTS
from tests.support.clusters import Cluster
from tests.support.commands import run_module

SQL = [mutant for mutant in MUTANTS if isinstance(mutant, SqlMutant)]
EDITS = [mutant for mutant in MUTANTS if isinstance(mutant, SidecarMutant)]


def test_every_mutant_of_the_database_fits(cluster: Cluster) -> None:
    with (
        cluster.clone(cluster.template("strict")) as name,
        psycopg.connect(cluster.url(name), autocommit=True) as connection,
    ):
        for mutant in SQL:
            with connection.transaction(force_rollback=True):
                mutant.fit(connection)


@pytest.mark.parametrize("mutant", EDITS, ids=lambda mutant: mutant.name)
def test_every_mutant_of_the_sidecar_fits(mutant: SidecarMutant, tmp_path: Path) -> None:
    changed = tmp_path / mutant.patch.path
    changed.parent.mkdir(parents=True)
    shutil.copy(ROOT / mutant.patch.path, changed)
    mutant.apply(tmp_path)
    compile(changed.read_text(), changed.name, "exec")


def test_every_proof_is_there() -> None:
    """Down to the parameters of a test, which pytest alone knows."""
    assert all(mutant.proof for mutant in MUTANTS)
    proofs = {proof for mutant in MUTANTS for proof in mutant.proof}
    files = {proof for proof in proofs if proof.endswith(".sql")}
    assert all((ROOT / file).is_file() for file in files)
    found = run_module("pytest", "--collect-only", "-q", *sorted(proofs - files))
    assert found.returncode == 0, found.stdout + found.stderr


def test_names_are_unique() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_a_mutant_is_caught_and_a_change_of_nothing_is_not(cluster: Cluster) -> None:
    laboratory = Laboratory(cluster)
    [any_amount] = [mutant for mutant in SQL if mutant.name == "any-amount"]
    nothing = SqlMutant("nothing", "no rule", (Run("select 1"),), (REFUSALS,))
    assert laboratory.judge(any_amount).caught_by == REFUSALS
    assert laboratory.judge(nothing).caught_by is None


@pytest.mark.parametrize(
    "patch",
    [
        Rewrite("coinslot.debit", "what is not in its source", ""),
        Rewrite("coinslot.debit", "debit.amount", "0"),
        Rewrite("coinslot.no_such_function", "a", "b"),
        Run("drop table public.no_such_table"),
    ],
)
def test_a_patch_that_does_not_fit_is_an_error(cluster: Cluster, patch: Rewrite | Run) -> None:
    mutant = SqlMutant("unfit", "no rule", (patch,), (REFUSALS,))
    with pytest.raises(DoesNotFit):
        Laboratory(cluster).judge(mutant)


def test_an_edit_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    with pytest.raises(DoesNotFit):
        Edit("a.py", "y = 1", "y = 2").apply(tmp_path)
