"""What dependent services and operators are told, and the outbox that carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from perennial.model.certificate import CertificateRef


class NoticeKind(StrEnum):
    """Every kind has a JSON Schema in docs/notices.md."""

    NEW_VERSION = "new-version"
    RENEWAL_FAILED = "renewal-failed"
    RENEWAL_RECOVERED = "renewal-recovered"
    ACTION_NEEDED = "action-needed"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    ABANDONED = "abandoned"
    FINDING_OPENED = "finding-opened"
    FINDING_RESOLVED = "finding-resolved"
    TEST = "test"


FLEET_SUBJECT = ":"


def subject_of(certificate: CertificateRef) -> str:
    """Return the partition of all that is told about a certificate."""
    return f"{certificate.vault}:{certificate.name}"


def subject_of_vault(vault: str) -> str:
    """Return the partition of all that is told about a vault; no certificate has an empty name."""
    return f"{vault}:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing to tell. The id is the same on every repeat (ids.notice_id)."""

    id: str
    kind: NoticeKind
    subject: str  # subject_of, subject_of_vault or FLEET_SUBJECT
    time: datetime  # when it became true
    data: Mapping[str, object]  # the CloudEvent's data: docs/notices.md
    version: str = ""
    version_created: datetime | None = None

    @property
    def vault(self) -> str:
        """The vault it is about; empty for the fleet."""
        return self.subject.partition(":")[0]

    @property
    def certificate(self) -> str:
        """The certificate it is about; empty for a vault or the fleet."""
        return self.subject.partition(":")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Who is told of what, and how. Globs match the lower-cased vault and certificate; `*` all."""

    name: str
    channel: str  # a key of the table in perennial/channels
    target: str = ""  # an address; the Event Grid channel needs none
    vaults: str = "*"
    certificates: str = "*"
    kinds: tuple[str, ...] = ()  # empty: every kind
    secret: str = ""  # the name of the app setting(s) that hold the signing secret, never the secret
    closed_until: datetime | None = None
    closed_at: datetime | None = None
    closures: int = 0
    failures: int = 0  # in a row
    last_success: datetime | None = None
    created: datetime | None = None


class DeliveryState(StrEnum):
    """How a delivery stands or ended."""

    OPEN = "open"
    DELIVERED = "delivered"
    SUPERSEDED = "superseded"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try, and what the other side said."""

    at: datetime
    answer: str
    delivered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row of the outbox: one notice for one subscription."""

    subject: str
    notice: str
    subscription: str
    kind: NoticeKind
    opened: datetime
    body: str  # the notice's data as JSON text, exactly as it is sent on every attempt
    time: datetime  # the notice's own time
    version: str = ""
    version_created: datetime | None = None
    state: DeliveryState = DeliveryState.OPEN
    lease_until: datetime | None = None
    next_attempt: datetime | None = None  # None once it is closed
    failures: int = 0
    attempts: tuple[Attempt, ...] = ()  # the last 20
    closed: datetime | None = None

    @property
    def key(self) -> str:
        """The row key under the subject."""
        return f"{self.notice}:{self.subscription}"
