"""Settings of the simulators' process, from the environment."""

from __future__ import annotations

from pydantic import BaseModel


class ProcessSettings(BaseModel):
    """The settings that do not depend on a gateway. Each gateway's own settings extend them."""

    coinslot_simulators_port: int = 54425
    coinslot_simulators_state: str = ":memory:"
    """A file keeps the payments of a stack that is killed; `:memory:` forgets them."""
    sidecar_url: str = "http://127.0.0.1:54430"
    """The server to which webhooks are sent."""
