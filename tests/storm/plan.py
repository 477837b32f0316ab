"""The plan of a storm, drawn from one seed before it begins: every purchase and every
fault. How they interleave is up to the machine."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from tests.support.gateways import DRIVERS

USERS = 40

Gateway = Literal["portone", "toss", "stripe"]
Telling = Literal["beside", "before", "none"]
Window = Literal[
    "paid", "failed_then_paid", "failed", "awaiting", "deposit", "undone", "abandoned", "tampered",
    "twice",
]  # fmt: skip
Later = Literal[
    "nothing", "refund", "refund_part", "refund_forced", "refund_by_rpc", "console", "console_part",
    "dispute", "dispute_won", "dispute_lost",
]  # fmt: skip

_WINDOWS: dict[Window, int] = {
    "paid": 58,
    "failed_then_paid": 8,
    "failed": 4,
    "awaiting": 3,
    "deposit": 9,
    "undone": 3,
    "abandoned": 7,
    "tampered": 4,
    "twice": 4,
}
_LATER: dict[Later, int] = {
    "nothing": 48,
    "refund": 10,
    "refund_part": 10,
    "refund_forced": 6,
    "refund_by_rpc": 4,
    "console": 4,
    "console_part": 5,
    "dispute": 3,
    "dispute_won": 5,
    "dispute_lost": 5,
}
_TELLINGS: tuple[Telling, ...] = ("beside", "before", "none")
_SPENDS = ("spend", "feature", "captured", "captured_part", "released", "given")
_CARDS = ("pm_card_visa",) * 6 + ("pm_card_pendingRefund", "pm_card_refundFail")
_PRODUCTS = ("starter",) * 5 + ("standard",) * 3 + ("premium", "premium_reading")

FAULTS = ("drop_after", "error_after", "error_before", "malformed", "html", "rate_limit", "delay")

KILLED = ("sidecar-a", "sidecar-b", "postgrest", "postgres")
STOPPED = ("sidecar-a", "sidecar-b")

CANCELS = ("succeeded", "succeeded", "requested", "failed", "pg_error", "server_error")


@dataclass(frozen=True)
class Purchase:
    """`returns`: how often the page comes back from the window. `spends` follow once it is over;
    `share` is how much of the money a partial refund gives back, `slow` whether the bank takes its
    time with it."""

    number: int
    user: int
    gateway: Gateway
    product: str
    currency: str
    window: Window
    webhook: Telling
    returns: int
    card: str
    spends: tuple[str, ...]
    later: Later
    share: float
    slow: bool


@dataclass(frozen=True)
class Strike:
    """`at` counts purchases begun and purchases followed up. `what` names processes to kill, or is
    `stop` (the sidecar `where` is, as its operator does), `weather` (how the simulator `where`
    fails from now on), `clock`, `cancels` (how PortOne V2's end), or `v2` (the shop moves from
    PortOne V1 to V2)."""

    at: int
    what: str
    where: str = ""
    faults: tuple[tuple[str, float, float], ...] = ()
    seconds: int = 0

    def __str__(self) -> str:
        if self.what == "weather":
            shares = ", ".join(f"{kind} {share:.0%}" for kind, share, _ in self.faults)
            return f"{self.where}: {shares or 'clear'}"
        if self.what == "clock":
            return f"{self.where}: clock {self.seconds:+d} s"
        if self.what == "cancels":
            return f"PortOne V2's cancels: {self.where}"
        if self.what == "stop":
            return f"stop {self.where}"
        return "PortOne V1 → V2" if self.what == "v2" else f"kill {self.what}"


def purchases(seed: int, number: int) -> list[Purchase]:
    return [purchase(seed, each) for each in range(number)]


def purchase(seed: int, number: int) -> Purchase:
    rng = random.Random(f"{seed}/{number}")  # noqa: S311
    gateway: Gateway = rng.choice(("portone", "portone", "toss", "stripe"))
    return Purchase(
        number=number,
        user=rng.randrange(USERS),
        gateway=gateway,
        product=rng.choice(_PRODUCTS),
        currency=rng.choice(("USD", "KRW")) if gateway == "stripe" else "KRW",
        window=rng.choices(list(_WINDOWS), list(_WINDOWS.values()))[0],
        webhook=rng.choices(_TELLINGS, (80, 8, 12))[0],
        returns=rng.choices((0, 1, 2), (15, 70, 15))[0],
        card=rng.choice(_CARDS),
        spends=tuple(rng.choices(_SPENDS, k=rng.choice((0, 1, 1, 2)))),
        later=rng.choices(list(_LATER), list(_LATER.values()))[0],
        share=rng.uniform(0.05, 0.95),
        slow=rng.random() < 0.3,
    )


def strikes(seed: int, number: int, every: int) -> list[Strike]:
    """A kill about every so many steps, and as often another weather at some gateway; of everything
    at least one."""
    rng = random.Random(f"{seed}/strikes")  # noqa: S311
    steps = 2 * number
    kills = (*KILLED, "sidecar-a sidecar-b")
    found = [
        Strike(rng.randrange(steps), rng.choices(kills, (30, 30, 16, 16, 8))[0])
        for _ in range(max(steps // every, len(kills)))
    ]
    found += [Strike(min(every * n // 2, steps), name) for n, name in enumerate(kills, 1)]
    found += [Strike(rng.randrange(steps), "stop", name) for name in STOPPED]
    found += [_weather(rng, rng.randrange(steps)) for _ in range(max(steps // every, 8))]
    found += [_bad_weather(rng, rng.randrange(steps), kind) for kind in FAULTS]
    found += [_clock(rng, rng.randrange(steps)) for _ in range(max(steps // (every * 4), 2))]
    found += [
        Strike(rng.randrange(number, steps), "cancels", rng.choice(CANCELS))
        for _ in range(max(steps // (every * 2), 4))
    ]
    return sorted([*found, Strike(number // 2, "v2")], key=lambda strike: strike.at)


_SIMULATORS = tuple(driver.name for driver in DRIVERS)


def _weather(rng: random.Random, at: int) -> Strike:
    kinds = rng.sample(FAULTS, rng.randrange(4))
    faults = tuple((k, rng.uniform(0.02, 0.15), _delay(rng, k)) for k in kinds)
    return Strike(at, "weather", rng.choice(_SIMULATORS), faults)


def _bad_weather(rng: random.Random, at: int, kind: str) -> Strike:
    """Of every kind there is some, at a gateway that is used from beginning to end."""
    return Strike(at, "weather", rng.choice(("toss", "stripe")), ((kind, 0.1, _delay(rng, kind)),))


def _delay(rng: random.Random, kind: str) -> float:
    """Some answers come later than anybody waits."""
    return rng.choice((0.2, 1.0, 3.0)) if kind == "delay" else 0.0


def _clock(rng: random.Random, at: int) -> Strike:
    """An access token of PortOne's lasts half an hour, a session of Toss's ten minutes."""
    return Strike(at, "clock", rng.choice(_SIMULATORS), seconds=rng.choice((-90, 60, 700, 2000)))
