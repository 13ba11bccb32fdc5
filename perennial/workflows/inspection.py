"""What the compliance rules say of a certificate, from its rows alone: used by looks and by walks."""

from __future__ import annotations

from datetime import timedelta

from perennial.compliance import evaluate
from perennial.compliance.rule import Subject
from perennial.decisions import lifetimes
from perennial.decisions.case import Case
from perennial.decisions.matching import difference
from perennial.model.decision import RenewalPolicy, Snapshot
from perennial.model.findings import Found
from perennial.model.inventory import Entry
from perennial.model.renewal import Renewal
from perennial.workflows.world import World


def inspect(world: World, entry: Entry, renewal: Renewal | None, policy: RenewalPolicy) -> tuple[Found, ...]:
    """Return all findings of a certificate; none where it is gone, or has no finished version yet."""
    subject = subject_of(world, entry, renewal, policy)
    return () if subject is None else evaluate(subject)


def subject_of(world: World, entry: Entry, renewal: Renewal | None, policy: RenewalPolicy) -> Subject | None:
    """Gather what a rule may know; None where there is nothing to judge."""
    version = entry.version
    if entry.gone is not None or version is None or version.leaf is None:
        return None
    case = Case(snapshot_of(entry, renewal), version, policy, world.now)
    return Subject(
        entry=entry,
        version=version,
        leaf=version.leaf,
        now=world.now,
        renewal=renewal,
        managed=case.managed,
        never=case.wishes.renew is False,
        due_at=case.due_at,
        trigger_at=lifetimes.trigger(entry.policy, version) if case.supervised else None,
        steps_in_at=case.steps_in if case.supervised else None,
        mismatch=difference(entry.policy, version) if case.issuer else "",
        tag_faults=case.wishes.faults,
        issuers=case.issuers,
        unknown_issuers=case.unknown_issuers,
        drift_remains=case.differs if case.drift_remains else "",
        forbid_exportable_keys=world.settings.forbid_exportable_keys,
    )


def snapshot_of(entry: Entry, renewal: Renewal | None) -> Snapshot:
    """Return what a decision may know, as the rows show it."""
    return Snapshot(
        certificate=entry.ref,
        current=None if entry.gone is not None else entry.version,
        policy=entry.policy,
        tags=entry.tags,
        renewal=renewal,
        request=entry.request,
        paused_until=entry.paused_until,
        first_seen=entry.first_seen,
        last_issued=entry.last_issued,
        last_lifetime=timedelta(seconds=entry.last_lifetime_seconds),
        suggested_at=entry.suggested_at,
        window_passed=entry.revoked_at is not None,
        issued_through=entry.issued_through,
        drifted_at=entry.drifted_at,
    )
