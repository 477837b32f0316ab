"""Fixtures that start real parts: Postgres, or the whole stack. Nothing is started unasked."""

from __future__ import annotations

import os
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator

import psycopg
import pytest
from pytest_postgresql import factories

from devstack.postgres import SUPERUSER
from devstack.settings import ROOT
from tests.support import clusters, garbage, seeds
from tests.support.clocks import Clock, running_with_clock
from tests.support.clusters import DEBIAN_15, Cluster, require
from tests.support.sizes import PROOFS
from tests.support.stacks import LocalStack, running_stack

# Tests that take minutes and cannot be shared out: begun last, one core would wait for the other.
_LONGEST = ("test_storm.py", "test_state_machine.py")

garbage.spare_parsers()
garbage.pause()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "registry: resolves or installs from package registries")
    config.addinivalue_line("markers", "proof: takes long; run by `make proofs` (PROOFS=1) alone")
    # A mutant's copy has what is built here, and no tools.
    mutated = config.pluginmanager.has_plugin("tests.mutants.plugin")
    if not mutated and not hasattr(config, "workerinput"):
        subprocess.run(["make", "--silent", "web"], cwd=ROOT, check=True)  # noqa: S607
    if config.getoption("tx", None):
        seeds.share(os.getpid())


def pytest_unconfigure(config: pytest.Config) -> None:
    if config.pluginmanager.has_plugin("dsession"):
        clusters.discard_seeds()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not PROOFS:
        proofs = [item for item in items if item.get_closest_marker("proof")]
        config.hook.pytest_deselected(items=proofs)
        items[:] = [item for item in items if item not in proofs]
    items.sort(key=lambda item: item.path.name not in _LONGEST)


def pytest_collection_finish() -> None:
    garbage.go_on()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The embedded Postgres 18."""
    with clusters.running("postgres-18", for_all=True) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def cluster_15() -> Iterator[Cluster]:
    """Debian's Postgres 15, the older end of what Supabase hosts."""
    there = (DEBIAN_15 / "postgres").exists()
    require("postgresql-15", there, "Debian's Postgres 15 is not installed")
    with clusters.running("postgres-15", DEBIAN_15, for_all=True) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def clocked() -> Iterator[tuple[Cluster, Clock]]:
    """A Postgres 18 whose clock stands still, and is moved by tests."""
    with running_with_clock("clocked") as (cluster, clock):
        yield cluster, clock
        clock.let_run()


@pytest.fixture(scope="session")
def clearable(cluster: Cluster) -> Cluster:
    """The same, where `postgres` may drop a database that autovacuum is looking at."""
    with psycopg.connect(cluster.url("postgres", SUPERUSER), autocommit=True) as connection:
        connection.execute("grant pg_signal_autovacuum_worker to postgres")
    return cluster


migrated = factories.postgresql_noproc(depends_on="clearable", dbname="coinslot")
"""The template database: hosted-like, all migrations applied, no seed."""

database = factories.postgresql("migrated")
"""A connection, as `postgres`, to a copy of the template that is this test's own."""


@pytest.fixture(scope="session")
def stack() -> Iterator[LocalStack]:
    """Everything that `make up` starts, on ports of its own, seeded; gateways are simulators."""
    with running_stack() as stack:
        yield stack


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Adds up what the proofs counted with `record_property` over their parameters."""
    figures: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for report in terminalreporter.getreports("passed"):
        for name, number in report.user_properties:
            figures[report.nodeid.partition("[")[0]][name] += number
    if figures:
        terminalreporter.section("figures")
    for test, counted in figures.items():
        numbers = ", ".join(f"{number} {name}" for name, number in counted.items())
        terminalreporter.write_line(f"{test}: {numbers}")
