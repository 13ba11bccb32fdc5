"""Its current version is disabled."""

from datetime import date

from perennial.compliance.rule import Evidence, Rule, Subject
from perennial.model.findings import Severity


def check(subject: Subject) -> Evidence | None:
    """Find a disabled current version: whoever asks for the latest secret is refused."""
    return None if subject.version.enabled else {"version": subject.version.id}


RULE = Rule(
    id="current-version-disabled",
    severity=Severity.MEDIUM,
    title="Its current version is disabled",
    source="Key Vault: the secret of a disabled version cannot be read (403), and a new version comes back enabled",
    since=date(2016, 10, 1),
    fix="Enable it if it is meant to be used; else delete the certificate, or tag it perennial-renew=never.",
    check=check,
)
