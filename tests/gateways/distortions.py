"""A gateway's answers with a field gone, or saying something else, and what may follow from it.

The oracle knows nothing of how an answer is read. It knows what each sample says, and three rules.
Silence (a field that is gone, null, or holds a word that nobody knows) says nothing: the read is
nonsense, or comes to what it came to before. So does another value, unless its field is the only
one at that gateway to say a thing. And what names another order, amount, currency or mode than the
order has is refused by the database, so that it may be read as what it says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import httpx
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from coinslot.errors import GatewayUnavailable
from coinslot.gateways.base import GatewayPayment
from coinslot.gateways.http import GatewayHttp, GatewayNonsense

Answer = dict[str, Any]
Path = tuple[str | int, ...]
Effect = tuple[str, int, int]

SILENT: tuple[object, ...] = (None, "SOMETHING_NEW")
"""Besides a field that is gone."""
_VALUES: tuple[object, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    1100,
    9900,
    11000,
    12000,
    10**6,
    0.5,
    "",
    "0",
    [],
    {},
    [{}],
)
_EXAMPLES = 100


@dataclass(frozen=True)
class Gateway:
    """A gateway's samples and how they are read. `alone` are the fields that are the only ones to
    say what they say; `words` are those that it uses for states of anything. Any word says
    something in `names`. `optional` are the fields of samples that the gateway's own schema lets be
    absent where there is nothing to tell."""

    samples: Mapping[str, Answer]
    said: Mapping[str, Effect]
    read: Callable[[Answer], Coroutine[None, None, GatewayPayment]]
    words: Collection[str]
    alone: Collection[str] = field(default_factory=tuple)
    names: Collection[str] = field(default_factory=tuple)
    optional: Collection[tuple[str, str]] = field(default_factory=tuple)


class Wire:
    """Answers every call with `answer`, in the gateway's envelope if it has one."""

    def __init__(
        self, enveloped: Callable[[str, Answer], Answer] = lambda _, answer: answer
    ) -> None:
        self.answer: Answer = {}
        transport = httpx.MockTransport(
            lambda request: httpx.Response(200, json=enveloped(request.url.path, self.answer))
        )
        self.http = GatewayHttp(httpx.AsyncClient(transport=transport), "http://gateway.test", 5)


def effect(fact: GatewayPayment) -> Effect:
    """The order's status, the money that it holds, and the money that is on its way back."""
    if not fact.paid:
        return fact.state, 0, 0
    back = fact.refunded + fact.withdrawn
    held = fact.paid - back
    if fact.refunded == fact.paid:
        return "refunded", held, fact.refunding
    if fact.disputed:
        return "disputed", held, fact.refunding
    kind = "charged_back" if fact.withdrawn else "partly_refunded"
    return ("completed" if not back else kind if held else "charged_back"), held, fact.refunding


def paths(answer: object, at: Path = ()) -> Iterator[Path]:
    """Every field and every element, outer ones first."""
    inner: Iterator[tuple[str | int, object]] = iter(())
    if isinstance(answer, dict):
        inner = iter(answer.items())
    elif isinstance(answer, list):
        inner = iter(enumerate(answer))
    for name, value in inner:
        yield (*at, name)
        yield from paths(value, (*at, name))


def named(path: Path) -> str:
    """`cancels[].cancelStatus`."""
    return "".join("[]" if isinstance(each, int) else f".{each}" for each in path).lstrip(".")


def without(answer: Answer, path: Path) -> Answer:
    changed = deepcopy(answer)
    del _holder(changed, path)[path[-1]]
    return changed


def saying(answer: Answer, path: Path, value: object) -> Answer:
    changed = deepcopy(answer)
    _holder(changed, path)[path[-1]] = deepcopy(value)
    return changed


def _holder(answer: Any, path: Path) -> Any:  # noqa: ANN401 - JSON
    for each in path[:-1]:
        answer = answer[each]
    return answer


async def read_or_none(gateway: Gateway, answer: Answer) -> GatewayPayment | None:
    """None for nonsense. Anything else that is raised is a fault."""
    with structlog.testing.capture_logs():
        try:
            return await gateway.read(answer)
        except GatewayNonsense:
            return None
        except GatewayUnavailable as unknown:
            raise AssertionError(unknown.code) from unknown


def check_samples(gateway: Gateway) -> None:
    """The samples say what they are said to say."""
    assert set(gateway.said) == set(gateway.samples)
    with asyncio.Runner() as runner:
        for name, sample in gateway.samples.items():
            assert effect(runner.run(gateway.read(sample))) == gateway.said[name], name


def check_silence(gateway: Gateway) -> None:
    """Every field of every sample gone, null or unknown."""
    tried = 0
    with asyncio.Runner() as runner:
        for name, sample in gateway.samples.items():
            before = runner.run(gateway.read(sample))
            for path in paths(sample):
                if isinstance(path[-1], int) or (name, named(path)) in gateway.optional:
                    continue  # a shorter list says something else
                words = SILENT[:1] if named(path) in gateway.names else SILENT
                silences = [saying(sample, path, value) for value in words]
                for answer in (without(sample, path), *silences):
                    found = runner.run(read_or_none(gateway, answer))
                    tried += 1
                    assert (
                        found is None
                        or _refused(found, before)
                        or (effect(found) == gateway.said[name])
                    ), (name, named(path), found)
    assert tried > 100


def check_distortions(gateway: Gateway) -> None:
    """Two fields of a sample that say anything, or the words of other fields."""
    values = st.sampled_from([*_VALUES, *gateway.words, *SILENT])
    changes = st.tuples(st.integers(0, 10_000), values, st.booleans())

    with asyncio.Runner() as runner:

        @settings(max_examples=_EXAMPLES, deadline=None, derandomize=True, database=None)
        @given(st.sampled_from(sorted(gateway.samples)), st.lists(changes, min_size=1, max_size=2))
        def distorted(name: str, changes: list[tuple[int, object, bool]]) -> None:
            answer, touched = gateway.samples[name], []
            for place, value, gone in changes:
                every = list(paths(answer))
                path = every[place % len(every)]
                touched.append(named(path))
                answer = without(answer, path) if gone else saying(answer, path, value)
            found = runner.run(read_or_none(gateway, answer))
            if found is None:
                return
            _check_sums(found)
            before = runner.run(gateway.read(gateway.samples[name]))
            allowed = any(_decides(each, gateway.alone) for each in touched)
            same = effect(found) == gateway.said[name]
            assert same or allowed or _refused(found, before), (name, touched, found)

        distorted()


def _refused(found: GatewayPayment, before: GatewayPayment) -> bool:
    """True where the database moves no tokens for it: it is not of this order, or not its price."""
    same = ("order_id", "payment_key", "amount", "currency", "live")
    named_otherwise = any(getattr(found, each) != getattr(before, each) for each in same)
    return named_otherwise or found.paid not in {0, found.amount}


def _check_sums(found: GatewayPayment) -> None:
    parts = (found.refunded, found.refunding, found.withdrawn, found.disputed)
    assert all(0 <= each <= found.paid for each in parts), found
    assert found.refunded + found.refunding + found.withdrawn <= found.paid, found


def _decides(path: str, alone: Collection[str]) -> bool:
    """True of a field that alone says a thing, and of what holds it."""
    return any(each == path or each.startswith((f"{path}.", f"{path}[")) for each in alone)
