from tests.portone import sim, simulated

__all__ = ["sim", "simulated"]
