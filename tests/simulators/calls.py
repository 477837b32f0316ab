"""Calls to the simulator as a merchant's server makes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.support.portone import KEY, SECRET

if TYPE_CHECKING:
    from tests.support.portone import Simulated

SAMPLES = json.loads((Path(__file__).parents[1] / "gateways/portone/v1/samples.json").read_text())
ORDER = "ord_0123456789ab"


async def call(sim: Simulated, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401
    """An authorized call; the envelope with the HTTP status as `http`."""
    issued = await sim.http.post(
        f"{sim.url}/users/getToken", json={"imp_key": KEY, "imp_secret": SECRET}
    )
    token = issued.json()["response"]["access_token"]
    answer = await sim.http.request(
        method, sim.url + path, headers={"Authorization": f"Bearer {token}"}, **options
    )
    return {**answer.json(), "http": answer.status_code}


async def read(sim: Simulated, imp_uid: str) -> Any:  # noqa: ANN401
    return await call(sim, "GET", f"/payments/{imp_uid}?include_sandbox=true")


async def cancel(sim: Simulated, imp_uid: str, **body: object) -> Any:  # noqa: ANN401
    return await call(sim, "POST", "/payments/cancel", json={"imp_uid": imp_uid, **body})
