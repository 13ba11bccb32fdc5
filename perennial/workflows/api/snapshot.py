"""A snapshot made of the rows alone, for deciding what a look would say."""

from __future__ import annotations

from datetime import timedelta

from perennial.model.decision import Snapshot
from perennial.model.inventory import Entry
from perennial.model.renewal import Renewal


def of(entry: Entry, claim: Renewal | None) -> Snapshot:
    """Gather what a decision may know."""
    return Snapshot(
        certificate=entry.ref,
        current=None if entry.gone else entry.version,
        policy=entry.policy,
        tags=entry.tags,
        renewal=claim,
        request=entry.request,
        paused_until=entry.paused_until,
        first_seen=entry.first_seen,
        last_issued=entry.last_issued,
        last_lifetime=timedelta(seconds=entry.last_lifetime_seconds),
        suggested_at=entry.suggested_at,
    )
