"""Writing the history: every row's key comes from what caused it, so that a repeat writes the same row again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from perennial.model.certificate import CertificateRef
from perennial.model.history import HistoryKind, Record
from perennial.model.ids import digest
from perennial.model.messages import Look
from perennial.workflows.world import World

EPOCH = datetime.fromtimestamp(0, UTC)


def file_event(world: World, look: Look) -> None:
    """File the event that caused a look, under its own id and time; one whose time can't be read under a fixed one."""
    event = look.event
    if event is None:
        return
    world.tables.history.put(
        Record(
            certificate=look.certificate,
            id=event.id,
            at=event.time or EPOCH,
            kind=HistoryKind.EVENT,
            trigger=event.kind,
            version=look.version,
            received=None if event.time else world.now,
        ),
    )


def record(
    world: World,
    certificate: CertificateRef,
    kind: HistoryKind,
    *,
    at: datetime,
    version: str,
    step: str = "",
    trigger: str = "",
    actor: str = "",
    new_version: str = "",
    thumbprint: str = "",
    reason: str = "",
    error: str = "",
    seconds: int = 0,
    facts: Mapping[str, str] | None = None,
) -> None:
    """Write one row. Its key depends on certificate, version, step and kind, and on `at`, which must come from a row or the event."""
    world.tables.history.put(
        Record(
            certificate=certificate,
            id=digest(str(certificate), version, step, kind),
            at=at,
            kind=kind,
            trigger=trigger,
            actor=actor,
            version=version,
            new_version=new_version,
            thumbprint=thumbprint,
            reason=reason,
            error=error,
            seconds=seconds,
            facts=facts or {},
        ),
    )
