"""A certificate that its vault no longer has."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from perennial.decisions.case import managed
from perennial.decisions.tags import wishes
from perennial.log import line
from perennial.model.decision import LeaveAlone, kind_of
from perennial.model.history import HistoryKind
from perennial.model.inventory import Entry
from perennial.model.mode import Mode
from perennial.model.reasons import Reason, ReasonCode
from perennial.ports.tables import Stored
from perennial.workflows import announce, findings, notices, vault_state
from perennial.workflows.record import record
from perennial.workflows.world import World

NEVER = datetime(9999, 1, 1, tzinfo=UTC)
FIX = "If that was not meant, recover it (Key Vault keeps deleted certificates for the vault's retention time)."


def mark_gone(world: World, stored: Stored[Entry]) -> Stored[Entry]:
    """End a certificate: its findings are resolved, its looks end, and a person is told once if it was managed. Raises Changed.

    The instant is saved first, since the history's key and the notice's id come from it; until all is done the row stays due for a look that
    reads the vault, finds nothing, and goes on here. A certificate that is listed again is looked at as any that changed.
    """
    if stored.value.gone is not None and stored.value.next_check >= NEVER:
        return stored
    if stored.value.gone is None:
        stored = world.tables.inventory.save(Stored(_begun(stored.value, world.now), stored.etag))
    entry = stored.value
    gone = entry.gone or world.now
    version = entry.version.id if entry.version else ""
    record(world, entry.ref, HistoryKind.GONE, at=gone, version=version)
    silent = not vault_state.row_of(world, entry.vault).value.baseline_told
    findings.reconcile(world, (entry.vault, entry.certificate), (), silent=silent, owner=entry.owner)
    if version and managed(world.settings.vaults.get(entry.vault, Mode.OBSERVE), wishes(entry.tags)):
        reason = Reason(ReasonCode.GONE).sentence
        notice = notices.certificate_notice(
            entry, ReasonCode.GONE, reason, occasion=gone.isoformat(), now=gone, fix=FIX
        )
        announce.tell(world, notice)
    line("gone", certificate=str(entry.ref), version=version)
    return world.tables.inventory.save(Stored(replace(entry, next_check=NEVER), stored.etag))


def _begun(entry: Entry, now: datetime) -> Entry:
    reason = Reason(ReasonCode.GONE)
    soon = now + timedelta(minutes=1)
    decision = kind_of(LeaveAlone(reason, soon))
    return replace(entry, gone=now, read_at=now, next_check=soon, decision=decision, reason=reason, since=now)
