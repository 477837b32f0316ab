"""One database is taken through all releases while people buy, spend and get money back.

`python -m tests.releases.upgrade --buyers 60 --seconds 20` starts a stack at the first release.
For each next one it starts a new sidecar beside an old one, which waits for the migrations; pushes
them with the Supabase CLI; lets old and new serve side by side; and replaces the old one. In the
end the gateways' money is compared with the tokens. The last release is one on top of this
checkout, as the next might be: structure, a backfill, a new signature.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import httpx
import typer

from coinslot.release import VERSION, order
from devstack import tools
from devstack.foreground import stopped_by_signals
from tests.load.buyers import Load, LoadStack
from tests.releases import checksums, release, versions
from tests.releases.copies import WHOLE, candidate_of, checked_out, copied, next_release
from tests.storm import plan
from tests.storm.merchants import Merchants
from tests.storm.report import out, show_figures, show_offences
from tests.storm.verdict import Database
from tests.storm.world import SIDECARS
from tests.support.clusters import discard
from tests.support.stacks import Person

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from devstack.processes import Program
    from tests.load.buyers import Outcome
    from tests.load.meter import MeteredClient
    from tests.storm.journal import Bought

OLD, NEW = SIDECARS
_FOR_LONG = 3600.0


class UpgradeError(Exception):
    """Something between two releases is not as it has to be."""


class ReleasedStack(LoadStack):
    """A stack at a release: its migrations, and the code of each sidecar, are of working copies."""

    sidecars_have: ClassVar[dict[str, str]] = {
        **LoadStack.sidecars_have,
        "COINSLOT_MAINTENANCE_SECONDS": "2",
    }

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.settings = self.settings.model_copy(update={"project_dir": root})
        self._roots = dict.fromkeys(SIDECARS, root)

    def _sidecar(self, program: Program, name: str) -> Program:
        found = super()._sidecar(program, name)
        return replace(found, env={**found.env, "PYTHONPATH": str(self._roots[name] / "sidecar")})

    def replace_sidecar(self, name: str, root: Path) -> None:
        """Stops it, and starts that of another release."""
        self.stop(name)
        self._roots[name] = root
        del self.programs
        self.start(name)

    def push(self, root: Path) -> None:
        """The migrations that the database does not have yet, as anybody pushes them."""
        settings = self.settings.model_copy(update={"project_dir": root})
        tools.supabase(settings, "db", "push")

    def url(self, name: str) -> str:
        return self.sidecar_urls()[SIDECARS.index(name)]


class Upgrade(Load):
    """The load, with refunds and disputes, while release follows release."""

    def __init__(
        self, stack: ReleasedStack, roots: Sequence[Path], buyers: int, seconds: float, seed: int
    ) -> None:
        super().__init__(stack, buyers, _FOR_LONG, seed)
        self._releases = stack
        self._roots = roots
        self._between = seconds
        self._plans = (plan.purchase(seed, number) for number in itertools.count())
        self._operator = Person("", "", stack.published()["OPERATOR_JWT"])
        self.pushed: dict[str, float] = {}
        """The seconds that each push took, by the version that it came to."""

    async def _disturb(self) -> None:
        await asyncio.sleep(self._between)
        for root in self._roots[1:]:
            await self._take_to(root)
        self._until = time.monotonic()

    async def _take_to(self, root: Path) -> None:
        stack, version = self._releases, versions.told(root)
        await asyncio.to_thread(stack.replace_sidecar, NEW, root)
        await self._await_reasons(NEW, "push the migrations")
        before = self._books()
        began = time.monotonic()
        await asyncio.to_thread(stack.push, root)
        self.pushed[version.schema] = time.monotonic() - began
        self._compare(before, self._books())
        await self._await_reasons(NEW, None)
        await self._await_reasons(OLD, None)
        await asyncio.sleep(self._between)
        await self._beside_each_other(version.program)
        await asyncio.to_thread(stack.replace_sidecar, OLD, root)
        await self._await_reasons(OLD, None)
        await asyncio.sleep(self._between)
        self._compare(before, self._books())

    async def _beside_each_other(self, new: str) -> None:
        """An old and a new one serve, both ready."""
        async with httpx.AsyncClient(trust_env=False) as http:
            documents = [
                (await http.get(f"{url}/openapi.json")).json()["info"]["version"]
                for url in self._releases.sidecar_urls()
            ]
        await self._await_reasons(OLD, None)
        if not order(documents[0]) < order(documents[1]) == order(new):
            message = f"the sidecars are {documents}, not an old one beside {new}"
            raise UpgradeError(message)

    async def _await_reasons(self, name: str, todo: str | None, seconds: float = 60) -> None:
        """Waits until a sidecar is ready, or says that this is to be done."""
        deadline, found = time.monotonic() + seconds, "no answer"
        async with httpx.AsyncClient(trust_env=False) as http:
            while time.monotonic() < deadline:
                try:
                    found = (await http.get(f"{self._releases.url(name)}/ready")).text
                except httpx.TransportError:
                    found = "no answer"
                if (todo in found) if todo else ('"ready":true' in found):
                    return
                await asyncio.sleep(0.2)
        message = f"{name} does not say {todo or 'that it is ready'}: {found}"
        raise UpgradeError(message)

    def _books(self) -> set[tuple[object, ...]]:
        """The ledger, once it was proved to be sound."""
        unsound = self._database.rows("select * from public.coinslot_verify_ledger()")
        if unsound:
            message = f"the books are unsound: {unsound}"
            raise UpgradeError(message)
        rows = self._database.rows(
            "select user_id, seq, delta, balance, kind, caller, created_at from public.token_ledger"
        )
        return {tuple(row.values()) for row in rows}

    def _compare(self, before: set[tuple[object, ...]], after: set[tuple[object, ...]]) -> None:
        if changed := before - after:
            message = f"{len(changed)} entries are not as they were: {next(iter(changed))}"
            raise UpgradeError(message)

    async def _look(self, client: MeteredClient, bought: Bought, person: Person) -> None:
        await Merchants(client, self._operator, self._journal).follow_up(bought)
        await super()._look(client, bought, person)


@contextmanager
def all_releases() -> Iterator[list[Path]]:
    """Working copies: every release from its tag, this checkout, and one on top of it."""
    past = [each.version for each in checksums.releases(checksums.SUPABASE)]
    with tempfile.TemporaryDirectory() as folder:
        roots = [checked_out(f"v{version}", Path(folder) / version) for version in past]
        if order(VERSION) > max((order(version) for version in past), default=()):
            this = copied(Path(folder) / "this", WHOLE)
            if problems := release.freeze(this, candidate_of(VERSION)):
                raise UpgradeError(problems)
            roots.append(this)
        yield [*roots, next_release(Path(folder) / "next", roots[-1], "999.0.0")]


def measure(buyers: int, seconds: float, seed: int) -> list[str]:
    """Upgrades through all releases, and prints the figures. Returns what went wrong."""
    with all_releases() as roots:
        stack = ReleasedStack(roots[0])
        try:
            with stopped_by_signals():
                stack.keep_own_log()
                stack.up()
                upgrade = Upgrade(stack, roots, buyers, seconds, seed)
                outcome = asyncio.run(upgrade.run())
                return _show(outcome, upgrade, Database(stack), seed)
        finally:
            discard(stack)


def _show(outcome: Outcome, upgrade: Upgrade, database: Database, seed: int) -> list[str]:
    out.print(outcome.meter.table(), width=140)
    for version, seconds in upgrade.pushed.items():
        out.print(f"pushed {version} in {seconds:.1f} s under {outcome.meter.requests()} answers")
    show_figures(outcome.journal, database.statuses(), outcome.offences)
    if outcome.offences:
        show_offences(seed, outcome.journal, outcome.offences, database)
    found = [f"{len(outcome.offences)} offences"] if outcome.offences else []
    if undeclared := outcome.meter.undeclared():
        found.append(f"failures that no restart explains: {undeclared}")
    [left] = database.rows(
        "select count(*) as orders, count(*) filter (where priced_at is null) as behind,"
        " count(*) filter (where priced_at = created_at) as filled from public.token_payments"
    )
    out.print(f"backfilled {left['filled']} of {left['orders']} orders, {left['behind']} left")
    if left["behind"] or not left["filled"]:
        found.append("the backfill did not come to its end, or had nothing to do")
    return found


def main(
    buyers: Annotated[int, typer.Option(min=1, help="How many at once.")] = 60,
    seconds: Annotated[float, typer.Option(min=1, help="Between two steps.")] = 20,
    seed: Annotated[int, typer.Option(help="Of what they buy.")] = 2026,
) -> None:
    found = measure(buyers, seconds, seed)
    for problem in found:
        out.print(f"[red]{problem}[/]")
    if found:
        raise typer.Exit(1)
    out.print("[green]Nothing lost, nothing doubled, from the first release to the next.[/]")


if __name__ == "__main__":
    typer.run(main)
