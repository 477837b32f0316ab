"""The reasons for not being ready, and the list of RPCs against those that the code calls."""

from __future__ import annotations

import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from coinslot.database import rpc_names
from coinslot.database.records import DatabaseSettings
from coinslot.database.rpc_names import Rpc
from coinslot.server.readiness import Readiness
from coinslot.shutdown import Shutdown

if TYPE_CHECKING:
    from coinslot.services import Services

DATABASE = Path(rpc_names.__file__).parent
PRODUCT = DATABASE.parent


def test_every_listed_rpc_is_called_and_no_other() -> None:
    code = "".join(
        file.read_text() for file in DATABASE.glob("*.py") if file != Path(rpc_names.__file__)
    )
    named = set(re.findall(r"\bRpc\.([A-Z_]+)", code))
    assert named == {rpc.name for rpc in Rpc}
    assert not re.search(r"\.(call|call_with|record)\([^)]{0,60}[\"']", code)


def test_rpcs_are_called_in_the_database_package_only() -> None:
    for file in PRODUCT.rglob("*.py"):
        if DATABASE not in file.parents:
            assert not re.search(r"\.(call|call_with|record)\(\s*(\w+,\s*)?[\"']", file.read_text())


class Books:
    """A database that knows one gateway."""

    def as_service(self) -> Books:
        return self

    async def get_settings(self) -> DatabaseSettings:
        return DatabaseSettings(
            mode="test", now=time.time(), gateways=["known"], rpcs=[*map(str, Rpc)]
        )


async def test_a_gateway_without_its_row_is_named() -> None:
    services: Services = SimpleNamespace(  # type: ignore[assignment]
        database=Books(), gateways={"known": None, "acme": None}, shutdown=Shutdown(1)
    )
    reasons = await Readiness(services, "test").reasons()
    assert reasons == ["gateways: the database has no row for acme"]
