"""What travels on the queues: nudges that say whom to look at. Rows are the truth; a lost message costs time only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from perennial.model.certificate import CertificateRef


class Queue(StrEnum):
    """The storage queues, by what waits in them."""

    LOOKS = "looks"
    NOTICES = "notices"
    SWEEPS = "sweeps"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSeen:
    """The event that caused a look, for the history: its id, kind and time (None: the time could not be read)."""

    id: str
    kind: str
    time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The only message on the queue `looks`: whom to look at. The cause is for the history and decides nothing."""

    certificate: CertificateRef
    cause: str
    version: str = ""  # a hint: the version that an event spoke of
    sha1: str = ""  # a hint: the thumbprint that a list showed
    event: EventSeen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nudge:
    """The only message on the queue `notices`: which delivery to attempt, by the keys of its row."""

    subject: str
    delivery: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The only message on the queue `sweeps`: which vault to walk, for which tick of the schedule."""

    tick: datetime
    vault: str
