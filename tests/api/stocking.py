"""Rows to ask the API about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from perennial.decisions.case import Case
from perennial.decisions.renewal import decide
from perennial.model.certificate import CertificateRef, IssuancePolicy, IssuerClass, Leaf, Version
from perennial.model.decision import kind_of
from perennial.model.history import HistoryKind, Record
from perennial.model.ids import digest
from perennial.model.inventory import Entry
from perennial.model.renewal import Asked, Renewal
from perennial.workflows import sight
from perennial.workflows.inspection import snapshot_of
from perennial.workflows.world import World

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)
WEB = CertificateRef("kv-orders", "web")
WATCHED = CertificateRef("kv-watched", "intranet")


def version(
    ref: CertificateRef, left: timedelta, *, lifetime: timedelta = 300 * DAY, number: int = 1, enabled: bool = True
) -> Version:
    """Return a finished self-signed version with so much life left."""
    host = f"{ref.name}.example"
    leaf = Leaf(
        sha256=digest(str(ref), str(number)) * 2,
        sha1=digest(str(ref), str(number)) + "0" * 8,
        serial="4f2a",
        subject=f"CN={host}",
        issuer=f"CN={host}",
        common_name=host,
        names=(host,),
        issuer_class=IssuerClass.SELF_SIGNED,
    )
    return Version(
        id=digest(str(ref), "version", str(number)),
        created=NOW + left - lifetime,
        not_before=NOW + left - lifetime,
        not_after=NOW + left,
        enabled=enabled,
        leaf=leaf,
    )


def stock(
    world: World,
    ref: CertificateRef = WEB,
    *,
    left: timedelta = 200 * DAY,
    tags: dict[str, str] | None = None,
    owner: str = "",
    enabled: bool = True,
    policy: IssuancePolicy | None = None,
    gone: datetime | None = None,
    paused_until: datetime | None = None,
    request: Asked | None = None,
) -> Entry:
    """Put a certificate into the inventory, with the decision that a look would have written."""
    current = version(ref, left, enabled=enabled)
    host = f"{ref.name}.example"
    entry = Entry(
        vault=ref.vault,
        certificate=ref.name,
        first_seen=NOW - 100 * DAY,
        next_check=NOW + DAY,
        read_at=NOW + 7 * DAY,
        version=current,
        policy=policy or IssuancePolicy(issuer="Self", subject=f"CN={host}", names=(host,), fingerprint="f"),
        tags=tags or {},
        owner=owner,
        not_after=current.not_after,
        announced=current.id,
        announced_created=current.created,
        gone=gone,
        paused_until=paused_until,
        request=request,
    )
    seen = snapshot_of(entry, None)
    rules = sight.renewal_policy(world, ref.vault, sight.fleet_row(world).value)
    decision = decide(seen, rules, world.now)
    entry = replace(
        entry,
        due_at=Case(seen, current, rules, world.now).due_at,
        decision=kind_of(decision),
        reason=decision.reason,
        since=NOW - DAY,
    )
    world.tables.inventory.put(entry)
    return entry


def claim(world: World, entry: Entry, **changes: Any) -> Renewal:
    """Put a claim on an entry's current version."""
    assert entry.version is not None
    facts: dict[str, Any] = {
        "certificate": entry.ref,
        "replacing": entry.version.id,
        "issuer": "vault",
        "opened": NOW - timedelta(hours=1),
        "next_step": NOW + timedelta(hours=1),
        "earliest": NOW,
    }
    row = Renewal(**(facts | changes))
    world.tables.renewals.put(row)
    return row


def remember(world: World, ref: CertificateRef, number: int) -> Record:
    """Put something into a certificate's history, `number` hours ago."""
    row = Record(
        certificate=ref, id=f"e{number}", at=NOW - timedelta(hours=number), kind=HistoryKind.DECIDED, reason="so"
    )
    world.tables.history.put(row)
    return row
