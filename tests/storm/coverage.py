"""Events that have to occur in a storm for it to prove anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from tests.storm.faults import SIMULATORS
from tests.storm.network import Fate
from tests.storm.plan import FAULTS, KILLED, Window

if TYPE_CHECKING:
    from tests.storm.journal import Journal

ENOUGH = 1000
"""Purchases from which on all of it occurs, whatever the seed."""

_EXPECTED = (
    *(f"tried {each}" for each in SIMULATORS),
    *(f"window {each}" for each in get_args(Window)),
    *(f"faults killed {each}" for each in KILLED),
    *(f"faults {each}" for each in ("stop", "weather", "clock", "cancels", "v2")),
    *(f"weather {each}" for each in FAULTS),
    *(f"webhooks {each}" for each in get_args(Fate)),
    *(f"spends {each}" for each in ("done", "refused", "released")),
    *(f"refunds {each}" for each in ("refund ", "refund_part", "refund_forced", "refund_by_rpc")),
    *(f"refunds {each}" for each in ("console ", "console_part")),
    *(f"moves {each}" for each in ("anonymous", "signed in", "joined", "deleted", "returned")),
    *(f"silence {each}" for each in ("refund ", "refund in part", "dispute lost")),
    "given done",
    *(f"expired {each}" for each in ("in the storm", "in the silence")),
    *(f"disputes {each}" for each in ("dispute opened", "dispute won", "dispute lost")),
)


def absent(journal: Journal) -> list[str]:
    """The kinds of purchases and faults of which there were none."""
    done = (name for name in journal.counts if not name.endswith("not possible"))
    counted = [f"{name} " for name in done if journal.counts[name]]
    return [each for each in _EXPECTED if not any(name.startswith(each) for name in counted)]
