import pytest

from coinslot.gateways import http
from tests.support.lone_sidecar import alone
from tests.support.portone import sim, simulated
from tests.support.portone_v2 import simulated_v2, v2
from tests.support.stripes import simulated_stripe, stripe_sim
from tests.support.toss import simulated_toss, toss

__all__ = [
    "alone",
    "sim",
    "simulated",
    "simulated_stripe",
    "simulated_toss",
    "simulated_v2",
    "stripe_sim",
    "toss",
    "v2",
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has a failing call fail at once, without another try."""
    monkeypatch.setattr(http, "PATIENT_ATTEMPTS", 1)
    monkeypatch.setattr(http, "TRIES", 1)
