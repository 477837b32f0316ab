from tests.portone import sim, simulated
from tests.portone_v2 import simulated_v2, v2
from tests.toss import simulated_toss, toss

__all__ = ["sim", "simulated", "simulated_toss", "simulated_v2", "toss", "v2"]
