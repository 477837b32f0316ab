"""The daily check of the whole ledger. The first server that asks does it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from coinslot.database import Database
    from coinslot.database.monitoring import LedgerCheckStep

log = structlog.get_logger(__name__)


class LedgerChecks:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def check(self) -> LedgerCheckStep | None:
        """Runs the check to its end. Returns the last step; None where it is not due here."""
        service = self._database.as_patient_service()
        while step := await service.check_ledger():
            if step.finished:
                _tell(step)
                return step
        return None


def _tell(step: LedgerCheckStep) -> None:
    """Logs the result without naming wallets: coinslot_list_discrepancies() names them."""
    if step.wallets == 0:
        log.info("ledger_sound")
        return
    kinds = Counter(str(each["problem"]) for each in step.problems)
    log.error("ledger_unsound", wallets=step.wallets, problems=dict(kinds))
