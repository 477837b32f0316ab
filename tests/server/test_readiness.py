"""The reasons for not being ready, and the list of RPCs against those that the code calls."""

from __future__ import annotations

import re
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from coinslot.database import rpc_names
from coinslot.database.anonymous import AnonymousRefused
from coinslot.database.caller import RpcMissing
from coinslot.database.installation import Fault
from coinslot.database.records import DatabaseSettings
from coinslot.database.rpc_names import Rpc
from coinslot.errors import DatabaseUnavailable, GatewayUnavailable
from coinslot.release import VERSION
from coinslot.server import installation
from coinslot.server.installation import Installation
from coinslot.server.key_checks import KeyChecks
from coinslot.server.readiness import Readiness
from coinslot.shutdown import Shutdown
from tests.support.sidecars import settings

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

    def __init__(self, *faults: Fault, public_key_refused: bool = False) -> None:
        self.faults = list(faults)
        self.public_key_refused = public_key_refused

    def as_service(self) -> Books:
        return self

    def as_anonymous(self) -> Books:
        return self

    async def look(self) -> None:
        if self.public_key_refused:
            raise AnonymousRefused

    async def get_settings(self) -> DatabaseSettings:
        return DatabaseSettings(
            mode="test",
            now=time.time(),
            schema_version=VERSION,
            oldest_sidecar=VERSION,
            gateways=["known"],
            rpcs=[*map(str, Rpc)],
        )

    async def check_installation(self, *, quick: bool) -> list[Fault]:
        assert quick
        return self.faults


class NoBooks(Books):
    """A database that Coinslot is not in."""

    async def get_settings(self) -> DatabaseSettings:
        raise RpcMissing


async def reasons_with(database: Books, *gateways: str) -> list[str]:
    services: Services = SimpleNamespace(  # type: ignore[assignment]
        database=database, gateways=dict.fromkeys(gateways), shutdown=Shutdown(1)
    )
    return await Readiness(services, settings()).reasons()


async def test_a_gateway_without_its_row_is_named() -> None:
    reasons = await reasons_with(Books(), "known", "acme")
    assert reasons == ["gateways: the database has no row for acme"]


async def test_a_database_without_coinslot_is_to_be_migrated() -> None:
    assert await reasons_with(NoBooks(), "known") == [
        "migrations: the database has no coinslot_get_settings; push the migrations"
    ]


async def test_a_public_key_that_is_refused_stops_everybody() -> None:
    [reason] = await reasons_with(Books(public_key_refused=True), "known")
    assert reason.startswith("keys: SUPABASE_ANON_KEY is refused at SUPABASE_URL")


class Refusing:
    """A gateway, and what it says to a read."""

    def __init__(self, name: str, code: str) -> None:
        self.name = name
        self.code = code

    async def read(self, _order_id: str, _payment_key: str) -> None:
        raise GatewayUnavailable(code=self.code)


@pytest.mark.parametrize(
    ("codes", "named"),
    [
        (("gateway_rejected_keys", "gateway_rejected_keys"), ["toss", "stripe"]),
        (("gateway_rejected_keys", "gateway_unavailable"), []),
        (("gateway_refused", "gateway_refused"), []),
    ],
)
async def test_keys_that_every_gateway_refuses_stop_everybody(
    codes: tuple[str, str], named: list[str]
) -> None:
    two = {name: Refusing(name, code) for name, code in zip(("toss", "stripe"), codes, strict=True)}
    services: Services = SimpleNamespace(database=Books(), gateways=two)  # type: ignore[assignment]
    toss = {"toss_client_key": "test_ck_12345678", "toss_secret_key": "test_sk_12345678"}
    stripe = {"stripe_publishable_key": "pk_test_1234", "stripe_secret_key": "sk_test_1234"}
    found = await KeyChecks(services, settings(**toss, **stripe)).reasons()
    assert found == [f"gateways: {each} refuses {each.upper()}_SECRET_KEY" for each in named]


def fault(number: int, *, stops_buyers: bool = True) -> Fault:
    return Fault(
        code="trigger_missing",
        subject=f"t{number}",
        problem="p",
        repair="r",
        stops_buyers=stops_buyers,
    )


async def test_faults_that_stop_buyers_are_named_and_the_list_ends() -> None:
    books: Any = Books(fault(0, stops_buyers=False), *map(fault, range(1, 8)))
    assert await Installation(books).reasons() == [
        *(f"installation: trigger_missing t{number}" for number in range(1, 6)),
        "installation: 2 more",
    ]


async def test_a_whole_installation_is_looked_at_once_a_minute_and_a_faulty_one_sooner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(installation, "time", SimpleNamespace(monotonic=lambda: now[0]))
    books: Any = Books()
    looked = Installation(books)
    assert await looked.reasons() == []
    books.faults = [fault(1)]
    now[0] += 59
    assert await looked.reasons() == []
    now[0] += 2
    assert await looked.reasons() == ["installation: trigger_missing t1"]
    books.faults = []
    now[0] += 6
    assert await looked.reasons() == []


async def test_faults_stay_while_the_database_gives_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(installation, "time", SimpleNamespace(monotonic=lambda: now[0]))
    books: Any = Books(fault(1))
    looked = Installation(books)
    found = await looked.reasons()

    async def away(*, quick: bool) -> list[Fault]:
        raise DatabaseUnavailable(str(quick))

    books.check_installation = away
    now[0] += 6
    assert await looked.reasons() == found != []
