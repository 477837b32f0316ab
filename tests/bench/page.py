"""The figures of the last whole run in `docs/benchmarks.md`, between two marks in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.bench.report import figure

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]
_BEGIN, _END = "<!-- make bench writes this -->\n", "<!-- as far as here -->"
_ATTACKS, _NO_MORE = "<!-- and make bench writes this -->\n", "<!-- and as far as here -->"
_UNITS = {"per second": "/s", "ms": " ms", "MB": " MB"}


def update(page: Path, report: Json) -> None:
    _replace(page, _BEGIN, _END, section(report))
    update_attacks(page, report)


def update_attacks(page: Path, report: Json) -> None:
    _replace(page, _ATTACKS, _NO_MORE, attacks(report))


def _replace(page: Path, begin: str, end: str, written: str) -> None:
    text = page.read_text(encoding="utf-8")
    between = re.compile(f"(?<={re.escape(begin)}).*(?={re.escape(end)})", re.DOTALL)
    page.write_text(between.sub(lambda _: written, text), encoding="utf-8")


def section(report: Json) -> str:
    machine, rounds = report["machine"], report["rounds"]
    whole = report["effort"] == "full"
    short = "" if whole else "A short run, on a machine that had other work. "
    taken = (
        f"{short}Taken on {machine['cores']} cores of {machine['cpu']} with "
        f"{machine['memory_gb']} GB, with Postgres {machine['postgres']}, "
        f"PostgREST {machine['postgrest']} and Python {machine['python']}: "
        f"medians of {rounds} rounds, in brackets the lowest and the highest."
    )
    lines = "\n".join(map(_line, report["rows"]))
    return (
        f"{taken}\n\n![The rate of each row beside its floors](images/benchmarks.svg)\n\n"
        f"| | Coinslot | beside |\n| --- | --- | --- |\n{lines}\n\n"
        f"{_verdict(report['rows'])} {_facts(report)}\n"
    )


def attacks(report: Json) -> str:
    """Of each attack its cost, and what a stranger waits for, idle and under it, in ms."""
    acts = ("balance", "spend", "checkout", "credit")
    lines = "\n".join(
        f"| {each['attack']}, {figure(each['requests a second'])}/s | "
        + " | ".join(_act(each["acts"].get(act)) for act in acts)
        + " |"
        for each in report["attacks"]
    )
    heads = " | ".join(acts[:-1])
    return f"| attack | {heads} | webhook to credited |\n|{' --- |' * 5}\n{lines}\n"


def _act(act: Json | None) -> str:
    if act is None:
        return "not once"
    (p50, p50_under), (p99, p99_under) = act["p50"], act["p99"]
    return (
        f"{figure(p50)} and {figure(p99)}; {figure(p50_under)} and {figure(p99_under)}: "
        f"**{act['times']:.1f}**"
    )


def _line(row: Json) -> str:
    own = figure(next(iter(row["median"].values()))) + _UNITS[row["unit"]]
    beside = "<br>".join(_beside(row, each) for each in row["comparisons"])
    return f"| {row['title']} | {own} | {beside} |"


def _beside(row: Json, comparison: Json) -> str:
    value, lowest, highest = (comparison[name] for name in ("median", "lowest", "highest"))
    other = f"{comparison['with']}, {figure(row['median'][comparison['with']])}"
    if row["unit"] == "ms":
        told = f"{value:+.1f} ms ({lowest:+.1f} to {highest:+.1f}) to {other} ms"
    else:
        told = f"{value:.2f} ({lowest:.2f} to {highest:.2f}) of {other}{_UNITS[row['unit']]}"
    return f"{told}{_aim(comparison)}"


def _aim(comparison: Json) -> str:
    if comparison["target"] is None:
        return ""
    return f"; target {comparison['target']:g}: **{'met' if comparison['met'] else 'missed'}**"


def _verdict(rows: list[Json]) -> str:
    judged = [(row, each) for row in rows for each in row["comparisons"] if each["met"] is not None]
    missed = [f"{row['title']}, beside {each['with']}" for row, each in judged if not each["met"]]
    told = f"Missed: {'; '.join(missed)}." if missed else "None was missed."
    return f"{len(judged)} targets were set. {told}"


def _facts(report: Json) -> str:
    notes = {row["key"]: row["notes"] for row in report["rows"]}
    lost = ", ".join(
        f"{note['of them lost']:,.0f} of {note['two-call spends']:,.0f} ({title})"
        for key, title in (("http_16", "16 clients"), ("http_64", "64"), ("http_hot", "hot user"))
        for note in [notes[key]]
    )
    client = max(note.get("client's share of the CPU time", 0) for note in notes.values())
    facts = report["facts"]
    rate = figure(facts["webhooks credited per second, 16 clients"])
    return (
        f"Select, then update lost spends that it had answered with success: {lost}; "
        f"the RPCs none. The HTTP client took at most {client:.0%} of the CPU time. A webhook was "
        f"credited within {figure(notes['webhook']['p99 of webhook to credited'])} ms in 99 of 100 "
        f"cases; with 16 senders at once, {rate} of them a second. "
        f"An entry of the ledger takes {figure(facts['bytes per ledger entry'])} bytes with "
        f"its indexes, and `coinslot_verify_ledger()` took "
        f"{figure(facts['seconds to verify the largest ledger'])} s for "
        f"{figure(facts['entries in the largest ledger'])} entries."
    )
