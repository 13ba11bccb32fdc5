"""The compliance rules: a new one is a file in rules/ and a line in this table."""

from __future__ import annotations

from perennial.compliance import engine
from perennial.compliance.rule import Rule, Subject, VaultSubject
from perennial.compliance.rules import (
    autorotation_overdue,
    bad_tag,
    brake,
    cn_not_in_san,
    disabled,
    drift_remains,
    expired,
    expiring,
    exportable_key,
    foreign_pending,
    issuance_blocked,
    loop_guard,
    no_owner,
    no_san,
    not_yet_valid,
    nothing_will_renew,
    pending_too_old,
    policy_mismatch,
    renewal_overdue,
    two_managers,
    unknown_issuer,
    validity,
    vault_not_walked,
    waiting_for_signature,
    weak_key,
    weak_signature,
)
from perennial.model.findings import Found

RULES: tuple[Rule[Subject], ...] = (
    expiring.RULE,
    expired.RULE,
    not_yet_valid.RULE,
    nothing_will_renew.RULE,
    renewal_overdue.RULE,
    autorotation_overdue.RULE,
    pending_too_old.RULE,
    waiting_for_signature.RULE,
    foreign_pending.RULE,
    disabled.RULE,
    policy_mismatch.RULE,
    issuance_blocked.RULE,
    unknown_issuer.RULE,
    drift_remains.RULE,
    two_managers.RULE,
    loop_guard.RULE,
    brake.RULE,
    validity.RULE,
    weak_key.RULE,
    weak_signature.RULE,
    no_san.RULE,
    cn_not_in_san.RULE,
    exportable_key.RULE,
    no_owner.RULE,
    bad_tag.RULE,
)

VAULT_RULES: tuple[Rule[VaultSubject], ...] = (vault_not_walked.RULE,)


def evaluate(subject: Subject) -> tuple[Found, ...]:
    """Return all that the rules find about a certificate."""
    return engine.run(RULES, subject)


def evaluate_vault(subject: VaultSubject) -> tuple[Found, ...]:
    """Return all that the rules find about a vault."""
    return engine.run(VAULT_RULES, subject)
