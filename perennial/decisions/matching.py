"""Whether a name's stored policy would issue what its current certificate is.

The policy belongs to the name, not to the version: a public certificate imported over a `Self` policy must not become self-signed.
"""

from __future__ import annotations

import re

from perennial.model.certificate import IssuancePolicy, IssuerClass, Leaf, Version

_COMMON_NAME = re.compile(r'(?:^|[,;+])\s*CN\s*=\s*(?:"([^"]*)"|([^,;+]*))', re.IGNORECASE)


def common_name(subject: str) -> str:
    """Return the CN of a distinguished name as a policy writes it, lower-cased; empty where there is none."""
    match = _COMMON_NAME.search(subject)
    return (match[1] or match[2] or "").strip().lower() if match else ""


def difference(policy: IssuancePolicy, version: Version) -> str:
    """Say in what a new version under this policy would differ from this one; empty: it matches."""
    if version.leaf is None:
        return ""
    return _other_issuer(policy, version.leaf) or _lost_names(policy, version.leaf)


def _other_issuer(policy: IssuancePolicy, leaf: Leaf) -> str:
    self_signed = leaf.issuer_class is IssuerClass.SELF_SIGNED
    if policy.issuer.lower() == "self" and not self_signed:
        return f"its issuer is Self, the certificate comes from {leaf.issuer}"
    if policy.by_vault and policy.issuer.lower() != "self" and self_signed:
        return f"its issuer is {policy.issuer}, the certificate is self-signed"
    return ""


def _lost_names(policy: IssuancePolicy, leaf: Leaf) -> str:
    asked = {name.lower() for name in policy.names} | {common_name(policy.subject)}
    has = {name.lower() for name in leaf.names} | ({leaf.common_name.lower()} if leaf.common_name else set())
    lost = sorted(has - asked)
    return f"it does not ask for {', '.join(lost)}" if lost else ""


def losses(before: Version, after: Version) -> str:
    """Say what a new version lost against the one before: a name, or the class of its issuer; empty: nothing."""
    if before.leaf is None or after.leaf is None:
        return ""
    lost = sorted(set(before.leaf.names) - set(after.leaf.names))
    if lost:
        return f"it no longer names {', '.join(lost)}"
    if before.leaf.issuer_class is not after.leaf.issuer_class:
        return f"it was {before.leaf.issuer_class} and is {after.leaf.issuer_class}"
    return ""
