"""All mutants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.mutants import (
    audit_rules,
    cash_receipt_rules,
    console_rules,
    document_rules,
    ending_rules,
    gateway_rules,
    growth_rules,
    hold_rules,
    identity_rules,
    import_rules,
    installation_rules,
    lot_money_rules,
    lot_rules,
    merging_rules,
    method_rules,
    operator_rules,
    outbox_rules,
    payment_rules,
    personal_rules,
    referral_rules,
    refill_rules,
    refund_rules,
    report_rules,
    retention_rules,
    rollover_rules,
    sidecar_rules,
    subscription_rules,
    trial_rules,
    wallet_rules,
    webhook_rules,
)

if TYPE_CHECKING:
    from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *wallet_rules.MUTANTS,
    *hold_rules.MUTANTS,
    *lot_rules.MUTANTS,
    *refill_rules.MUTANTS,
    *growth_rules.MUTANTS,
    *referral_rules.MUTANTS,
    *subscription_rules.MUTANTS,
    *trial_rules.MUTANTS,
    *rollover_rules.MUTANTS,
    *lot_money_rules.MUTANTS,
    *identity_rules.MUTANTS,
    *merging_rules.MUTANTS,
    *method_rules.MUTANTS,
    *payment_rules.MUTANTS,
    *document_rules.MUTANTS,
    *personal_rules.MUTANTS,
    *cash_receipt_rules.MUTANTS,
    *ending_rules.MUTANTS,
    *refund_rules.MUTANTS,
    *operator_rules.MUTANTS,
    *report_rules.MUTANTS,
    *console_rules.MUTANTS,
    *import_rules.MUTANTS,
    *installation_rules.MUTANTS,
    *audit_rules.MUTANTS,
    *webhook_rules.MUTANTS,
    *outbox_rules.MUTANTS,
    *retention_rules.MUTANTS,
    *sidecar_rules.MUTANTS,
    *gateway_rules.MUTANTS,
)
