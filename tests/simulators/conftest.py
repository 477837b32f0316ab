from tests.support.portone import sim, simulated
from tests.support.portone_v2 import simulated_v2, v2
from tests.support.stripes import simulated_stripe, stripe_sim
from tests.support.toss import simulated_toss, toss

__all__ = [
    "sim",
    "simulated",
    "simulated_stripe",
    "simulated_toss",
    "simulated_v2",
    "stripe_sim",
    "toss",
    "v2",
]
