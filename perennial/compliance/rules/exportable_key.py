"""Its key may leave the vault although a setting forbids it."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find a policy with an exportable key, where PERENNIAL_FORBID_EXPORTABLE_KEYS is set."""
    if not subject.forbid_exportable_keys or not subject.entry.policy.exportable:
        return None
    return {"key_type": subject.entry.policy.key_type}


RULE = Rule(
    id="exportable-key",
    severity=Severity.MEDIUM,
    title="Its key can be exported",
    source="The setting PERENNIAL_FORBID_EXPORTABLE_KEYS; Key Vault: key_props.exportable of a certificate policy",
    since=date(2016, 10, 1),
    fix="Set exportable to false in its policy and renew it with a new key; services must then sign through the vault.",
    check=check,
)
