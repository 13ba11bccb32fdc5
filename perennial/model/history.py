"""What happened, append-only: the rows of `history` and `sweeps`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from perennial.model.certificate import CertificateRef


class HistoryKind(StrEnum):
    """What a row of the history tells."""

    EVENT = "event"
    FIRST_SEEN = "first-seen"
    NEW_VERSION = "new-version"
    DECIDED = "decided"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"
    FAILED_OVER = "failed-over"
    RECOVERED = "recovered"
    ADOPTED = "adopted-after-crash"
    ISSUED = "issued"
    SUPERSEDED = "superseded"
    GIVEN_UP = "given-up"
    REOPENED = "reopened"
    REQUESTED = "requested"
    DISCARDED = "discarded"
    CHAIN_RECEIVED = "chain-received"
    WINDOW = "window"
    GONE = "gone"
    MESSAGE_LOST = "message-lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A row of the history. Its key comes from what caused it, so that a repeat writes the same row."""

    certificate: CertificateRef
    id: str  # an event's own id, or ids.digest(certificate, version, attempt, kind)
    at: datetime  # the event's own time, or the row's step
    kind: HistoryKind
    trigger: str = ""
    actor: str = ""
    version: str = ""
    new_version: str = ""
    thumbprint: str = ""  # SHA-256 of the new version
    reason: str = ""
    error: str = ""
    seconds: int = 0  # how long it took, where that means something
    received: datetime | None = None  # when the time of an event could not be read
    facts: Mapping[str, str] = field(default_factory=dict)


class WalkState(StrEnum):
    """How a vault's walk stands or ended."""

    QUEUED = "queued"
    WALKING = "walking"
    WHOLE = "whole"
    FAILED = "failed"
    OVERTAKEN = "overtaken"


TERMINAL = frozenset({WalkState.WHOLE, WalkState.FAILED, WalkState.OVERTAKEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultWalk:
    """A vault's walk in the sweep of one tick: its place, its lease, its honest counts."""

    tick: datetime
    vault: str
    asked_by: str = "schedule"
    state: WalkState = WalkState.QUEUED
    place: str = ""  # the list's continuation; empty: at the start
    mode: str = ""  # the vault's mode when it began; a walk under another mode starts again
    names_seen: str = ""  # which names it saw, as a bitmap: workflows/names_seen.py
    lease_until: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    seen: int = 0
    checked: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)  # why → how many
    failed: int = 0
    queued: int = 0  # looks asked for
    findings: int = 0
    expected: float = 0.0  # renewals a day that the lifetimes of what it saw ask for
    error: str = ""
    fix: str = ""
