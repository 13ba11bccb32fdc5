"""What is known of each certificate, each vault and the fleet: the rows of `inventory` and `vaults`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from perennial.model.authority import Obstacle
from perennial.model.certificate import CertificateRef, IssuancePolicy, Version
from perennial.model.reasons import Reason
from perennial.model.renewal import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A certificate's row. `next_check` is the clock of everything about it; `read_at` the instant from which the vault must be read."""

    vault: str
    certificate: str
    first_seen: datetime
    next_check: datetime
    read_at: datetime
    version: Version | None = None  # the last finished one that was seen as current
    previous: str = ""  # the version before it, if it was seen
    policy: IssuancePolicy = field(default_factory=IssuancePolicy)
    tags: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""
    not_after: datetime | None = None  # of `version`, as a column to filter by
    due_at: datetime | None = None  # when the lifetime rule, tags and the CA would have it renewed
    decision: str = ""
    reason: Reason | None = None
    since: datetime | None = None  # of the decision's reason
    announced: str = ""  # the last version whose deliveries were written
    announced_created: datetime | None = None
    claim: str = ""  # the replaced version of the newest claim
    request: Asked | None = None
    paused_until: datetime | None = None
    last_issued: datetime | None = None
    last_lifetime_seconds: int = 0
    foreign_versions: tuple[datetime, ...] = ()  # when the last two versions by another author were created
    rung: str = ""  # the last rung of the ladder `expiring` that was told, as version:rung
    suggested_at: datetime | None = None  # this certificate's own instant in its CA's window
    window_ends: datetime | None = None  # of that window
    revoked_at: datetime | None = (
        None  # when its CA first told of a window that had passed already: a revocation signal
    )
    explanation: str = ""  # the CA's page that says why
    ask_ca_at: datetime | None = None  # when the CA is asked for its window again; None: never
    issued_by: str = ""  # which account of which CA issued `version`, if we had it signed
    issued_through: str = ""  # the name of that authority in the settings
    drifted_at: datetime | None = None  # since when policy and tags ask for something else than `version`
    preflight_at: datetime | None = (
        None  # when it is looked again whether a renewal could succeed; None: nothing to look at
    )
    obstacles: tuple[Obstacle, ...] = ()  # what that look found
    obstructed_since: datetime | None = None  # since when there are any
    awaits_signature: bool = False  # a CSR of ours waits for somebody else's signature
    gone: datetime | None = None

    @property
    def ref(self) -> CertificateRef:
        """The certificate this row is about."""
        return CertificateRef(self.vault, self.certificate)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultRow:
    """A vault's row."""

    vault: str
    first_seen: datetime
    next_check: datetime
    mode_seen: str = ""  # the mode of the last walk; another one in the settings asks for a walk
    closed_until: datetime | None = None
    closed_at: datetime | None = None
    closed_why: str = ""
    closures: int = 0  # in a row; a success zeroes it
    next_create: datetime | None = None  # no create before then, over all instances
    whole_walk: datetime | None = None  # the last walk that saw everything
    listed: int = 0  # how many certificates that walk saw
    baseline_told: bool = False  # the first whole walk's summary was sent; until then findings open silently


FLEET = "fleet"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRow:
    """The one row about everything."""

    first_seen: datetime
    next_check: datetime
    switch_off: str = ""  # the reason; empty: vaults are as set
    switch_actor: str = ""
    switch_at: datetime | None = None
    day: date | None = None  # the UTC day that `renewals_today` counts
    renewals_today: int = 0  # automatic ones
    expected: Mapping[str, float] = field(default_factory=dict)  # vault → renewals a day that its lifetimes ask for
    last_due: datetime | None = None
    last_sweep: datetime | None = None  # the newest tick all of whose vaults were walked whole
    pruned: date | None = None
    brake_told: date | None = None  # the last day on which the brake was told of
