"""What to do about one certificate now: a value with a reason, also when it is nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from perennial.model.certificate import CertificateRef, IssuancePolicy, Version
from perennial.model.mode import Mode
from perennial.model.reasons import Reason
from perennial.model.renewal import Asked, Renewal


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that `decide` may know about a certificate, gathered whole; nothing in it is fetched later."""

    certificate: CertificateRef
    current: Version | None  # None: there is no such certificate
    policy: IssuancePolicy = field(default_factory=IssuancePolicy)
    tags: Mapping[str, str] = field(default_factory=dict)
    renewal: Renewal | None = None  # the newest, whichever version it replaces
    request: Asked | None = None
    paused_until: datetime | None = None  # by a person through the API
    first_seen: datetime
    last_issued: datetime | None = None  # the last automatic renewal that this certificate had
    last_lifetime: timedelta = timedelta(0)  # the shorter lifetime of the two versions of that renewal
    suggested_at: datetime | None = None  # the instant chosen from the CA's renewal window (RFC 9773)
    window_passed: bool = False  # that window had passed already when the CA told of it: a revocation signal
    issued_through: str = ""  # the authority that signed `current` for us, by its name in the settings
    drifted_at: datetime | None = None  # since when policy and tags ask for something else than `current`


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalPolicy:
    """All that `decide` may know about the fleet and its settings."""

    mode: Mode = Mode.OBSERVE
    switched_off: str | None = None  # the reason, when the fleet's switch stands on observe
    instance: str = "perennial"
    authorities: frozenset[str] = frozenset()  # names that the tag perennial-issuer may say
    issuers: tuple[str, ...] = ()  # who signs, in order, where a policy says Unknown and no tag names a CA
    foreign_tags: Mapping[str, str] = field(default_factory=dict)  # tag name (lower-cased) → manager
    renewals_today: int = 0
    brake: int = 20  # automatic renewals a day
    supervision_grace: timedelta = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Renew:
    """Take the next step of replacing this version: starting and going on are one word."""

    reason: Reason
    replacing: str


@dataclass(frozen=True, slots=True)
class Close:
    """The replaced version is no longer current, through us or another: end the renewal and let its issuer clean up."""

    reason: Reason
    renewal: Renewal


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Nothing to do before then."""

    reason: Reason
    next_check: datetime


@dataclass(frozen=True, slots=True)
class LeaveAlone:
    """Not ours to renew; looked at again all the same."""

    reason: Reason
    next_check: datetime


@dataclass(frozen=True, slots=True)
class AskHuman:
    """A person must act; they are told, and it is looked at again within a day."""

    reason: Reason
    next_check: datetime


type Decision = Renew | Close | WaitUntil | LeaveAlone | AskHuman

KINDS: Mapping[type, str] = {
    Renew: "renew",
    Close: "close",
    WaitUntil: "wait-until",
    LeaveAlone: "leave-alone",
    AskHuman: "ask-human",
}


def kind_of(decision: Decision) -> str:
    """Return the decision's name as rows, logs and the API write it."""
    return KINDS[type(decision)]
