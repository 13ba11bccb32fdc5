"""What is told: one builder per kind of notice. docs/notices.md holds the JSON Schema that each one's data keeps to.

A notice's id depends on its kind, subject, version and occasion, so that a replay tells the same thing under the same id, and two findings,
two rungs or two failures of one version are different notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from perennial.model.certificate import Version
from perennial.model.clouds import Cloud
from perennial.model.findings import Finding
from perennial.model.ids import notice_id
from perennial.model.inventory import Entry
from perennial.model.notices import (
    FLEET_SUBJECT,
    Delivery,
    Notice,
    NoticeKind,
    Subscription,
    subject_of,
    subject_of_vault,
)
from perennial.model.reasons import Reason, ReasonCode
from perennial.model.renewal import Outcome, Renewal
from perennial.model.signing import SignatureRequest


def new_version(entry: Entry, version: Version, previous: str, author: str, cloud: Cloud) -> Notice:
    """Tell that a version is current, whoever made it, with all that a service needs to take it up."""
    leaf = version.leaf
    data = {
        "version": version.id,
        "previous_version": previous or None,
        "created": version.created,
        "not_before": version.not_before,
        "not_after": version.not_after,
        "sha256": leaf.sha256 if leaf else None,
        "sha1": leaf.sha1 if leaf else None,
        "serial": leaf.serial if leaf else None,
        "subject": leaf.subject if leaf else None,
        "issuer": leaf.issuer if leaf else None,
        "names": list(leaf.names) if leaf else [],
        "made_by": author or None,
        "secret_id": f"{cloud.vault_url(entry.vault)}/secrets/{entry.certificate}",
    }
    return _about(entry, NoticeKind.NEW_VERSION, version.created, data, version=version.id, created=version.created)


def renewal_failed(entry: Entry, renewal: Renewal, now: datetime, successor: str = "") -> Notice:
    """Tell that a step of the ladder failed; each step is its own notice, until a person acts. `successor`: the issuer that takes over."""
    left = int((entry.not_after - now).total_seconds()) if entry.not_after else None
    data = {
        "version": renewal.replacing,
        "issuer": renewal.issuer,
        "error": renewal.error,
        "fix": renewal.fix or None,
        "attempts": renewal.failures,
        "given_up": renewal.outcome is Outcome.GIVEN_UP,
        "taken_over_by": successor or None,
        "next_attempt": renewal.next_step if renewal.is_open else None,
        "not_after": entry.not_after,
        "seconds_left": left,
    }
    occasion = f"{renewal.failures}:{renewal.outcome}:{renewal.refused_for}"
    return _about(entry, NoticeKind.RENEWAL_FAILED, now, data, version=renewal.replacing, occasion=occasion)


def renewal_recovered(entry: Entry, renewal: Renewal, now: datetime) -> Notice:
    """Tell that a renewal which had failed has ended well."""
    data = {
        "version": renewal.replacing,
        "new_version": renewal.new_version or None,
        "issuer": renewal.issuer,
        "attempts": renewal.failures,
        "failing_since": renewal.opened,
        "not_after": entry.not_after,
    }
    return _about(entry, NoticeKind.RENEWAL_RECOVERED, now, data, version=renewal.replacing)


def action_needed(entry: Entry, reason: Reason, since: datetime) -> Notice:
    """Tell that a person must act on a certificate; the same reason at a later time is a new notice."""
    return certificate_notice(entry, reason.code, reason.sentence, occasion=_stamp(since), now=since)


def signature_needed(
    entry: Entry, request: SignatureRequest, rung: str, shown: Mapping[str, object], now: datetime
) -> Notice:
    """Remind of a CSR that somebody else must sign; each rung is its own notice, another CSR begins anew."""
    reason = f"its CSR waits for a certificate that {request.issuer} signs"
    fix = f"{shown['instructions'] or f'have it signed by {request.issuer}'}; then POST the chain to {shown['post_to']}"
    data = {
        **_action(ReasonCode.SIGNATURE_NEEDED, reason, request.since, fix),
        "version": request.replacing,
        "not_after": entry.not_after,
        "seconds_left": _left(entry, now),
        "request": shown,
    }
    occasion = f"{ReasonCode.SIGNATURE_NEEDED}:{request.id}:{rung}"
    return _about(entry, NoticeKind.ACTION_NEEDED, now, data, version=request.replacing, occasion=occasion)


def certificate_notice(entry: Entry, code: str, reason: str, *, occasion: str, now: datetime, fix: str = "") -> Notice:
    """Tell a person of something about a certificate that is no decision: a lost name, a changed issuer."""
    version = entry.version.id if entry.version else ""
    data = _action(code, reason, now, fix) | {"version": version or None, "not_after": entry.not_after}
    return _about(entry, NoticeKind.ACTION_NEEDED, now, data, version=version, occasion=f"{code}:{occasion}")


def expiring(entry: Entry, rung: str, now: datetime) -> Notice:
    """Tell that a rung of the lifetime-relative ladder was passed with no successor in the vault."""
    return _dying(entry, NoticeKind.EXPIRING, now, {"rung": rung, "seconds_left": _left(entry, now)}, occasion=rung)


def expired(entry: Entry) -> Notice:
    """Tell that a certificate's current version has expired."""
    return _dying(entry, NoticeKind.EXPIRED, entry.not_after or entry.next_check, {}, occasion="")


def abandoned(delivery: Delivery, now: datetime) -> Notice:
    """Tell the others that a subscription was never told something."""
    data = {
        **_place(delivery.subject),
        "subscription": delivery.subscription,
        "notice": delivery.notice,
        "notice_kind": delivery.kind,
        "version": delivery.version or None,
        "opened": delivery.opened,
        "attempts": delivery.failures,
        "last_answer": delivery.attempts[-1].answer if delivery.attempts else None,
    }
    return _notice(
        delivery.subject, NoticeKind.ABANDONED, now, data, occasion=f"{delivery.key}:{_stamp(delivery.opened)}"
    )


def finding_opened(finding: Finding) -> Notice:
    """Tell that a rule of compliance is broken."""
    return _finding(finding, NoticeKind.FINDING_OPENED, finding.opened)


def finding_resolved(finding: Finding) -> Notice:
    """Tell that a finding is gone."""
    return _finding(finding, NoticeKind.FINDING_RESOLVED, finding.resolved or finding.last_seen)


def vault_trouble(vault: str, reason: str, occasion: str, now: datetime, fix: str = "") -> Notice:
    """Tell that a vault cannot be reached or refuses us; once an occasion."""
    return vault_notice(vault, "vault-trouble", reason, occasion=occasion, now=now, fix=fix)


def vault_notice(
    vault: str,
    code: str,
    reason: str,
    *,
    occasion: str,
    now: datetime,
    fix: str = "",
    facts: Mapping[str, object] | None = None,
) -> Notice:
    """Tell a person of something about a vault, such as what its first whole walk found."""
    data = {"vault": vault, **_action(code, reason, now, fix), "facts": dict(facts or {})}
    return _notice(subject_of_vault(vault), NoticeKind.ACTION_NEEDED, now, data, occasion=f"{code}:{occasion}")


def fleet_notice(
    code: str, reason: str, *, occasion: str, now: datetime, fix: str = "", facts: Mapping[str, object] | None = None
) -> Notice:
    """Tell a person of something about the fleet: the brake, a sweep's end."""
    data = _action(code, reason, now, fix) | {"facts": dict(facts or {})}
    return _notice(FLEET_SUBJECT, NoticeKind.ACTION_NEEDED, now, data, occasion=f"{code}:{occasion}")


def trial(subscription: Subscription, now: datetime) -> Notice:
    """Prove to a subscription that it can be told."""
    data = {"subscription": subscription.name, "text": "Perennial can reach you; there is nothing to do."}
    return _notice(FLEET_SUBJECT, NoticeKind.TEST, now, data, occasion=f"{subscription.name}:{_stamp(now)}")


def _dying(entry: Entry, kind: NoticeKind, at: datetime, data: Mapping[str, object], *, occasion: str) -> Notice:
    version = entry.version
    facts = {
        "version": version.id if version else None,
        "not_after": entry.not_after,
        "names": list(version.leaf.names) if version and version.leaf else [],
        "decision": entry.decision or None,
        "reason": entry.reason.sentence if entry.reason else None,
        **data,
    }
    created = version.created if version else None
    return _about(entry, kind, at, facts, version=version.id if version else "", created=created, occasion=occasion)


def _finding(finding: Finding, kind: NoticeKind, at: datetime) -> Notice:
    subject = f"{finding.vault}:{finding.certificate}"
    data = {
        **_place(subject),
        "rule": finding.rule,
        "severity": finding.severity.name.lower(),
        "opened": finding.opened,
        "resolved": finding.resolved,
        "times": finding.times,
        "owner": finding.owner or None,
        "evidence": dict(finding.evidence),
        "fix": finding.fix or None,
    }
    return _notice(subject, kind, at, data, occasion=f"{finding.rule}:{_stamp(finding.opened)}")


def _action(code: str, reason: str, since: datetime, fix: str) -> dict[str, object]:
    return {"code": str(code), "reason": reason, "fix": fix or None, "since": since}


def _left(entry: Entry, now: datetime) -> int | None:
    return int((entry.not_after - now).total_seconds()) if entry.not_after else None


def _place(subject: str) -> dict[str, object]:
    vault, _, certificate = subject.partition(":")
    return {"vault": vault or None, "certificate": certificate or None}


def _about(
    entry: Entry,
    kind: NoticeKind,
    at: datetime,
    data: Mapping[str, object],
    *,
    version: str,
    created: datetime | None = None,
    occasion: str = "",
) -> Notice:
    """Build a notice about a certificate. With `created` it is pointless once a newer version was delivered."""
    named = {"vault": entry.vault, "certificate": entry.certificate, "owner": entry.owner or None, **data}
    subject = subject_of(entry.ref)
    return _notice(subject, kind, at, named, version=version, created=created, occasion=occasion)


def _notice(
    subject: str,
    kind: NoticeKind,
    at: datetime,
    data: Mapping[str, object],
    *,
    version: str = "",
    created: datetime | None = None,
    occasion: str,
) -> Notice:
    return Notice(
        id=notice_id(kind, subject, version, occasion),
        kind=kind,
        subject=subject,
        time=at,
        data=data,
        version=version,
        version_created=created,
    )


def _stamp(instant: datetime) -> str:
    return instant.isoformat()
