from tests.portone import sim, simulated
from tests.toss import simulated_toss, toss

__all__ = ["sim", "simulated", "simulated_toss", "toss"]
