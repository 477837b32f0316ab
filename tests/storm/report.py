"""The figures, for people."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from tests.storm.buyers import described

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.storm.journal import Journal
    from tests.storm.plan import Strike
    from tests.storm.verdict import Database, Offence

out = Console(highlight=False, soft_wrap=True)
_SHOWN = 25


def show_plan(seed: int, purchases: int, strikes: Sequence[Strike]) -> None:
    out.print(f"seed {seed}: {purchases} purchases, {len(strikes)} strikes, by step of the storm")
    line = " · ".join(f"{strike.at} {strike}" for strike in strikes)
    out.print(textwrap.fill(line, 110, initial_indent="  ", subsequent_indent="  "), markup=False)


def show_figures(journal: Journal, orders: dict[str, int], found: Sequence[Offence]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for title, prefix in (
        ("purchases tried", "tried"),
        ("without an order", "outcome"),
        ("answers", "answers sidecar"),
        ("faults", "faults"),
        ("webhooks", "webhooks"),
        ("spends", "spends"),
        ("refunds", "refunds"),
        ("disputes", "disputes"),
        ("moves", "moves"),
        ("merges", "merges"),
        ("in silence", "silence"),
    ):
        table.add_row(title, _listed(journal.total(prefix)))
    table.add_row("orders in the end", _listed(orders))
    kinds = [offence.kind for offence in found]
    table.add_row("lost", str(kinds.count("lost")))
    table.add_row("doubled", str(kinds.count("doubled")))
    table.add_row("minted", str(kinds.count("minted")))
    table.add_row("other offences", str(len(set(found)) - sum(map(kinds.count, _COUNTED))))
    for name in ("rounds", "storm seconds", "calm seconds", "silent seconds"):
        table.add_row(name, str(journal.counts[name]))
    out.print(table)


_COUNTED = ("lost", "doubled", "minted")


def show_offences(
    seed: int, journal: Journal, found: Sequence[Offence], database: Database
) -> None:
    out.print(f"\n{len(found)} offences with seed {seed}:", style="red")
    for offence in found[:_SHOWN]:
        out.print(f"{offence.kind} {offence.order_id}: {offence.what}", markup=False)
        bought = journal.of_order(offence.order_id) if offence.order_id else None
        if bought is not None:
            out.print(f"    {json.dumps(described(bought), ensure_ascii=False)}", markup=False)
        for event in database.rows(
            "select e.created_at, e.from_status, e.to_status, e.tokens, e.source, e.reason, "
            "e.payment_key from public.token_payment_events e "
            "join public.token_payments p on p.id = e.payment_id "
            "where p.order_id = %s order by e.id",
            offence.order_id,
        ):
            out.print(f"    {'  '.join(map(str, event.values()))}", markup=False)


def _listed(counts: dict[str, int]) -> str:
    total = sum(counts.values())
    parts = (f"{number} {name or 'in all'}" for name, number in counts.items())
    return f"{total} ({', '.join(parts)})" if counts else "0"
