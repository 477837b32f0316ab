"""`python -m tests.mutants [name …]`: all mutants, or some; 1 if a proof is missing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from rich.console import Console
from rich.table import Table

from tests.mutants.laboratory import Broken, Laboratory, Verdict
from tests.mutants.mutant import DoesNotFit, Mutant
from tests.mutants.register import MUTANTS
from tests.support import clusters

AT_ONCE = 2


def main(names: Sequence[str]) -> int:
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    if unknown := set(names) - {mutant.name for mutant in chosen}:
        sys.stderr.write(f"no such mutant: {', '.join(sorted(unknown))}\n")
        return 2
    with clusters.running("mutants") as cluster:
        laboratory = Laboratory(cluster)
        try:
            sys.stderr.write("without a mutant, every proof has to hold …\n")
            laboratory.check_proofs(chosen)
            verdicts = _judge_all(laboratory, chosen)
        except (Broken, DoesNotFit) as error:
            sys.stderr.write(f"{error}\n")
            return 2
    _print(verdicts)
    return int(any(verdict.caught_by is None for verdict in verdicts))


def _judge_all(laboratory: Laboratory, mutants: Sequence[Mutant]) -> list[Verdict]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        judging = [pool.submit(laboratory.judge, mutant) for mutant in mutants]
        try:
            for judged in as_completed(judging):
                verdict = judged.result()
                fate = verdict.caught_by or "SURVIVES"
                sys.stderr.write(f"{verdict.mutant.name}: {fate} ({verdict.seconds:.0f} s)\n")
        except (Broken, DoesNotFit):
            pool.shutdown(cancel_futures=True)
            raise
    return [judged.result() for judged in judging]


def _print(verdicts: Sequence[Verdict]) -> None:
    table = Table("mutant", "what it breaks", "caught by", "s")
    for verdict in verdicts:
        fate = verdict.caught_by or "[bold red]nobody[/]"
        table.add_row(verdict.mutant.name, verdict.mutant.breaks, fate, f"{verdict.seconds:.1f}")
    survivors = sum(verdict.caught_by is None for verdict in verdicts)
    table.caption = f"{len(verdicts)} mutants, {survivors} survive"
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
