"""What a compliance rule is, and all that it may know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from perennial.model.certificate import IssuerClass, Leaf, Version
from perennial.model.findings import Severity
from perennial.model.inventory import Entry, VaultRow
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Renewal

type Evidence = Mapping[str, str]
"""What proves a finding: facts that stay the same while it stands (dates, never "days left"), or each walk would write the row anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A certificate with a finished version, as its rows show it at one instant."""

    entry: Entry
    version: Version
    leaf: Leaf
    now: datetime
    renewal: Renewal | None = None  # the newest claim, open or closed
    managed: bool = False  # chosen for renewal by us, through its vault's mode or its tag
    never: bool = False  # its tag says that it is left to die on purpose
    due_at: datetime | None = None  # when we would renew it
    trigger_at: datetime | None = None  # when Key Vault's own rotation fires; None: Key Vault does not renew it
    steps_in_at: datetime | None = None  # when we take over from Key Vault
    mismatch: str = ""  # in what its policy would issue something else; empty: it matches
    tag_faults: tuple[str, ...] = ()
    issuers: tuple[str, ...] = ()  # who may renew it, in order
    unknown_issuers: tuple[str, ...] = ()  # of its tag, those that are not set up
    drift_remains: str = ""  # in what a renewal of ours has left it other than policy and tags ask for
    forbid_exportable_keys: bool = False

    @property
    def left(self) -> timedelta:
        """The life left; negative once it has expired."""
        return self.version.not_after - self.now

    @property
    def share_left(self) -> float:
        """The share of the lifetime that is left."""
        return self.left / self.version.lifetime if self.version.lifetime else 0.0

    @property
    def alive(self) -> bool:
        """Whether it is in use: enabled, and not past its end."""
        return self.version.enabled and self.now < self.version.not_after

    @property
    def claim(self) -> Renewal | None:
        """The open claim on the current version."""
        renewal = self.renewal
        return renewal if renewal is not None and renewal.is_open and renewal.replacing == self.version.id else None

    @property
    def reason(self) -> ReasonCode | None:
        """Why the last decision was what it was."""
        return self.entry.reason.code if self.entry.reason is not None else None

    @property
    def reason_facts(self) -> Evidence:
        """The facts of that reason."""
        return self.entry.reason.facts if self.entry.reason is not None else {}

    @property
    def public_tls(self) -> bool:
        """Whether the CA/Browser Forum's TLS Baseline Requirements bind it."""
        return self.leaf.issuer_class is IssuerClass.PUBLIC and self.leaf.server_auth


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSubject:
    """A vault's row at one instant."""

    row: VaultRow
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule[S]:
    """One thing that should not be. `check` returns the evidence, or None where all is well; it is pure."""

    id: str
    severity: Severity
    title: str
    source: str  # who says so, where
    since: date  # of the source
    fix: str
    check: Callable[[S], Evidence | None]
    grade: Callable[[S], Severity] | None = None  # how bad it is in this case, where that is not always `severity`


def by_life_left(base: Severity) -> Callable[[Subject], Severity]:
    """Grade by the share of the lifetime that is left: below a fifth at least high, below a tenth critical."""

    def grade(subject: Subject) -> Severity:
        if subject.share_left < 1 / 10:
            return Severity.CRITICAL
        return max(base, Severity.HIGH) if subject.share_left < 1 / 5 else base

    return grade


def day(instant: datetime) -> str:
    """Write an instant as evidence does."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
