"""Audits that cannot begin."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from coinslot.errors import GatewayOff
from coinslot.payments.audits import Audits

if TYPE_CHECKING:
    from coinslot.database import Database
    from coinslot.payments.settlements import Settlements


async def test_an_audit_of_an_unknown_gateway_is_refused_by_name() -> None:
    audits = Audits(cast("Database", None), {}, cast("Settlements", None))
    end = datetime.now(UTC)
    with pytest.raises(GatewayOff):
        await audits.audit("nobody", end - timedelta(days=1), end)
