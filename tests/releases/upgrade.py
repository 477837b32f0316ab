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
from devstack.postgres import SUPERUSER
from tests.load.buyers import Load, LoadStack
from tests.releases import checksums, release, versions
from tests.releases.copies import (
    WHOLE,
    candidate_of,
    checked_out,
    copied,
    next_release,
    revision_of,
)
from tests.releases.histories import fill
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
_KEEP = """
create schema if not exists kept;
drop table if exists kept.ledger;
create table kept.ledger as
select user_id, seq, delta, balance, kind, caller, created_at from public.token_ledger
"""
_CHANGED = """
select k.* from kept.ledger k left join public.token_ledger l
  on (l.user_id, l.seq, l.delta, l.balance, l.kind, l.caller, l.created_at)
  = (k.user_id, k.seq, k.delta, k.balance, k.kind, k.caller, k.created_at)
where l.user_id is null limit 5
"""
_WITHOUT_LOTS = """
select from public.token_wallets w
where w.folded_at = '-infinity' and w.merged_into is null limit 1
"""
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
        self.backfilled = 0.0
        """The seconds that lots of older wallets still took after the last release."""

    async def _disturb(self) -> None:
        await asyncio.sleep(self._between)
        for root in self._roots[1:]:
            await self._take_to(root)
        await self._await_lots()
        self._compare_books()
        self._until = time.monotonic()

    async def _take_to(self, root: Path) -> None:
        stack, version = self._releases, versions.told(root)
        await asyncio.to_thread(stack.replace_sidecar, NEW, root)
        await self._await_reasons(NEW, "push the migrations")
        self._keep_books()
        began = time.monotonic()
        await asyncio.to_thread(stack.push, root)
        self.pushed[version.schema] = time.monotonic() - began
        self._compare_books()
        await self._await_reasons(NEW, None)
        await self._await_reasons(OLD, None)
        await asyncio.sleep(self._between)
        await self._beside_each_other(version.program)
        await asyncio.to_thread(stack.replace_sidecar, OLD, root)
        await self._await_reasons(OLD, None)
        await asyncio.sleep(self._between)
        self._compare_books()

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

    def _keep_books(self) -> None:
        """Keeps the ledger as it is now, once it was proved to be sound."""
        self._prove()
        self._database.run(_KEEP)

    def _compare_books(self) -> None:
        """With those that were kept."""
        self._prove()
        if changed := self._database.rows(_CHANGED):
            message = f"entries are not as they were: {changed}"
            raise UpgradeError(message)

    def _prove(self) -> None:
        if unsound := self._database.rows("select * from public.coinslot_verify_ledger()"):
            message = f"the books are unsound: {unsound}"
            raise UpgradeError(message)

    async def _await_lots(self) -> None:
        """Waits until maintenance has made the lots of everybody from before."""
        began = time.monotonic()
        deadline = began + _FOR_LONG
        while self._database.rows(_WITHOUT_LOTS):
            if time.monotonic() > deadline:
                message = "the lots of older wallets are not made"
                raise UpgradeError(message)
            await asyncio.sleep(1)
        self.backfilled = time.monotonic() - began

    async def _look(self, client: MeteredClient, bought: Bought, person: Person) -> None:
        await Merchants(client, self._operator, self._journal).follow_up(bought)
        await super()._look(client, bought, person)


@contextmanager
def all_releases() -> Iterator[list[Path]]:
    """Working copies: every release from its tag, this checkout, and one on top of it."""
    past = [each.version for each in checksums.releases(checksums.SUPABASE)]
    with tempfile.TemporaryDirectory() as folder:
        roots = [checked_out(revision_of(version), Path(folder) / version) for version in past]
        if order(VERSION) > max((order(version) for version in past), default=()):
            this = copied(Path(folder) / "this", WHOLE)
            if problems := release.freeze(this, candidate_of(VERSION)):
                raise UpgradeError(problems)
            roots.append(this)
        yield [*roots, next_release(Path(folder) / "next", roots[-1], "999.0.0")]


def measure(buyers: int, seconds: float, seed: int, entries: int) -> list[str]:
    """Upgrades through all releases, and prints the figures. Returns what went wrong."""
    with all_releases() as roots:
        stack = ReleasedStack(roots[0])
        try:
            with stopped_by_signals():
                stack.keep_own_log()
                stack.up()
                if entries:
                    fill(stack.settings.database_url(SUPERUSER), entries)
                upgrade = Upgrade(stack, roots, buyers, seconds, seed)
                outcome = asyncio.run(upgrade.run())
                return _show(outcome, upgrade, Database(stack), seed)
        finally:
            discard(stack)


def _show(outcome: Outcome, upgrade: Upgrade, database: Database, seed: int) -> list[str]:
    out.print(outcome.meter.table(), width=140)
    for version, seconds in upgrade.pushed.items():
        out.print(f"pushed {version} in {seconds:.1f} s under {outcome.meter.requests()} answers")
    out.print(f"lots of older wallets were there {upgrade.backfilled:.1f} s after the last release")
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
    entries: Annotated[int, typer.Option(min=0, help="That the ledger has before.")] = 0,
) -> None:
    found = measure(buyers, seconds, seed, entries)
    for problem in found:
        out.print(f"[red]{problem}[/]")
    if found:
        raise typer.Exit(1)
    out.print("[green]Nothing lost, nothing doubled, from the first release to the next.[/]")


if __name__ == "__main__":
    typer.run(main)
