from tests.support.lone_sidecar import alone

__all__ = ["alone"]
