"""Metrics as Prometheus reads them: by the parser of its own client library."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from tests.support.servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client import Metric

_OPENMETRICS = "application/openmetrics-text; version=1.0.0"
# An id, an address, a number that is somebody's: what must not become a label.
_CHOSEN = re.compile(r"ord_|ord[0-9a-f]{32}|imp_|pi_|@|[0-9a-f]{8}-|[0-9]{6}|eyJ")


@dataclass(frozen=True)
class Scrape:
    families: dict[str, Metric]

    def value(self, sample: str, **labels: str) -> float:
        """Of all samples that have these labels, together."""
        return sum(
            each.value
            for family in self.families.values()
            for each in family.samples
            if each.name == sample and labels.items() <= each.labels.items()
        )

    def problems(self) -> list[str]:
        """Faults that Prometheus, or the person who pays for its memory, would not like."""
        found = []
        for family in self.families.values():
            if not family.documentation or family.type in {"unknown", "untyped"}:
                found.append(f"{family.name} does not say what it is")
            if len({tuple(sorted(each.labels.items())) for each in family.samples}) > 1000:
                found.append(f"{family.name} has too many series")
            values = {value for each in family.samples for value in each.labels.values()}
            found += [f"{family.name} has {value}" for value in values if _CHOSEN.search(value)]
        return found


def scrape(url: str) -> Scrape:
    """In both formats that Prometheus asks for, of which either may be before news came in."""
    families = _families(plain(_text(url, "text/plain")))
    in_open_metrics = _families(openmetrics(_text(url, _OPENMETRICS)))  # type: ignore[no-untyped-call]
    assert families.keys() <= in_open_metrics.keys() or families.keys() >= in_open_metrics.keys()
    return Scrape(families)


def growth(before: Scrape, after: Scrape) -> Callable[..., float]:
    def grown(sample: str, **labels: str) -> float:
        return after.value(sample, **labels) - before.value(sample, **labels)

    return grown


def _text(url: str, accepted: str) -> str:
    # Without `verify` it does not read all the world's certificates first, which takes its time.
    with httpx.Client(timeout=PATIENCE, trust_env=False, verify=False) as http:  # noqa: S501 - plain http
        answer = http.get(url, headers={"Accept": accepted})
    assert answer.status_code == 200
    return answer.text


def _families(found: Iterable[Metric]) -> dict[str, Metric]:
    families = list(found)
    by_name = {family.name: family for family in families}
    assert len(by_name) == len(families)
    return by_name
