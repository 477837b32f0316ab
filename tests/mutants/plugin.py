"""For pytest, with `-p tests.mutants.plugin`: tests get the mutated database for their template."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import Phase, settings

from tests.mutants.mutant import SqlMutant
from tests.mutants.register import MUTANTS
from tests.support import clusters
from tests.support.clusters import Cluster, devstack_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from devstack.placement import Placement
    from devstack.postgres import Grants

VARIABLE = "COINSLOT_MUTANT"
BROKEN = 3
"""Exit status where a test could not even begin: that proves nothing about the mutant."""


class Mutated(Cluster):
    """A server that runs already, and a template that somebody else has made."""

    def __init__(self, port: int, template: str) -> None:
        self.settings = devstack_settings("mutant").model_copy(update={"db_port": port})
        self.port = port

        def the_template(_: Grants) -> str:
            return template

        self.template = cache(the_template)


def pytest_configure() -> None:
    # What fails is reported as it was found: the mutant is known, and need not be looked for.
    settings.register_profile("mutants", phases=[Phase.explicit, Phase.generate])
    settings.load_profile("mutants")
    if VARIABLE in os.environ:
        shown = json.loads(os.environ[VARIABLE])
        mutated = Mutated(shown["port"], shown["template"])
        start = clusters.running

        @contextmanager
        def running(
            name: str,
            postgres_bin: Path | None = None,
            *,
            for_all: bool = False,
            seed: str | None = None,
            env: Callable[[Placement], dict[str, str]] | None = None,
        ) -> Iterator[Cluster]:
            if not env:
                yield mutated
                return
            with start(name, postgres_bin, env=env) as own, _mutated(own, shown["mutant"]):
                yield own

        clusters.running = running


@contextmanager
def _mutated(cluster: Cluster, name: str | None) -> Iterator[None]:
    """The same mutant on a server that a test starts for itself, to move its clock."""
    with cluster.clone(cluster.template("strict")) as template:
        for mutant in MUTANTS:
            if isinstance(mutant, SqlMutant) and mutant.name == name:
                with psycopg.connect(cluster.url(template)) as connection:
                    mutant.apply(connection)
        cluster.template = cache(lambda _: template)
        yield


_noticed: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed and report.when != "setup":
        _noticed.append(report.nodeid)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.exitstatus == pytest.ExitCode.TESTS_FAILED and not _noticed:
        session.exitstatus = BROKEN
