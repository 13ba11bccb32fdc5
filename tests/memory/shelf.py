"""What a vault of the memory keeps, and how time works on it: operations that end, rotations, events."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count

from perennial.adapters.x509 import read_leaf
from perennial.model.certificate import (
    INSTANCE_TAG,
    RENEWAL_TAG,
    CertificateRef,
    IssuancePolicy,
    IssuerClass,
    LifetimeAction,
    Operation,
    OperationState,
    Version,
)
from perennial.model.ids import digest
from tests.memory import minting

BACKDATED = timedelta(minutes=10)  # recorded traffic: nbf is the creation less 600 s
NEAR = timedelta(days=30)  # Event Grid, Key Vault: near expiry is 30 days before, or at birth
POLL = timedelta(seconds=10)  # recorded traffic: Retry-After of an operation in progress


class VaultEvent(StrEnum):
    """What a vault tells Event Grid about certificates."""

    NEAR_EXPIRY = "near-expiry"
    NEW_VERSION = "new-version"
    EXPIRED = "expired"


type OnEvent = Callable[[VaultEvent, CertificateRef, Version], None]


@dataclass(slots=True, kw_only=True)
class IssuerPlay:
    """How an issuer behaves that the vault can ask by itself."""

    delay: timedelta = timedelta(seconds=10)
    failure: tuple[str, str] | None = None  # code and message of every operation while set
    life: timedelta | None = None  # of what it issues; None: as the policy asks
    busy_until: datetime | None = None  # what would end before then ends then
    issuer_class: IssuerClass = IssuerClass.PUBLIC


@dataclass(slots=True, kw_only=True)
class Pending:
    """A name's operation; it stays when it has ended."""

    request_id: str
    issuer: str
    csr: bytes
    number: int  # of its key
    tags: Mapping[str, str]
    state: OperationState = OperationState.IN_PROGRESS
    error: tuple[str, str] = ("", "")

    def shown(self) -> Operation:
        """Return it as the port shows it."""
        running = self.state is OperationState.IN_PROGRESS
        return Operation(
            state=self.state,
            request_id=self.request_id,
            issuer=self.issuer,
            csr=self.csr,
            error_code=self.error[0],
            error_message=self.error[1],
            retry_after=POLL if running else None,
        )


@dataclass(slots=True, kw_only=True)
class Name:
    """A certificate of a vault, all its versions, the newest last."""

    ref: CertificateRef
    policy: IssuancePolicy
    versions: list[tuple[Version, Mapping[str, str]]] = field(default_factory=list)
    unfinished: tuple[Version, Mapping[str, str]] | None = None
    pending: Pending | None = None
    deleted: bool = False
    begun: int = 0  # operations so far

    @property
    def current(self) -> Version | None:
        """The latest finished version."""
        return self.versions[-1][0] if self.versions else None

    @property
    def busy(self) -> bool:
        """Whether an operation is in progress."""
        return self.pending is not None and self.pending.state is OperationState.IN_PROGRESS


def after_months(start: datetime, months: int) -> datetime:
    """Return the same day some months on, or that month's last."""
    month = start.month - 1 + months
    first = start.replace(year=start.year + month // 12, month=month % 12 + 1, day=1)
    following = (first + timedelta(days=32)).replace(day=1)
    return first.replace(day=min(start.day, (following - timedelta(days=1)).day))


class Shelf:
    """All names of all vaults, and the one heap of what will happen to them."""

    def __init__(self, clock: Callable[[], datetime], *, real_certificates: bool, on_event: OnEvent | None) -> None:
        self.clock = clock
        self.real_certificates = real_certificates
        self.on_event = on_event
        self.names: dict[CertificateRef, Name] = {}
        self.issuers = {"self": IssuerPlay(issuer_class=IssuerClass.SELF_SIGNED)}
        self.rotates = True  # whether Key Vault's own rotation works
        self._heap: list[tuple[datetime, int, Callable[[datetime], None]]] = []
        self._turns = count()
        self._ids = count()

    def at(self, when: datetime, act: Callable[[datetime], None]) -> None:
        """Let something happen once the clock has passed an instant."""
        heapq.heappush(self._heap, (when, next(self._turns), act))

    def next_instant(self) -> datetime | None:
        """Return when the next thing happens by itself."""
        return self._heap[0][0] if self._heap else None

    def settle(self) -> None:
        """Let happen what the clock has passed."""
        now = self.clock()
        while self._heap and self._heap[0][0] <= now:
            when, _, act = heapq.heappop(self._heap)
            act(when)

    def fresh_id(self, ref: CertificateRef) -> str:
        """Return 32 hex digits, the same in every run."""
        return digest(str(ref), str(next(self._ids)))

    def living(self, vault: str) -> Iterator[Name]:
        """Walk a vault's names in order."""
        return (self.names[ref] for ref in sorted(self.names) if ref.vault == vault and not self.names[ref].deleted)

    def add_version(
        self,
        name: Name,
        version: Version,
        tags: Mapping[str, str],
        *,
        der: bytes = b"",
        number: int = 0,
        issuer_class: IssuerClass = IssuerClass.PRIVATE,
        quiet: bool = False,
    ) -> Version:
        """Put a finished version on top and schedule what follows from it."""
        if self.real_certificates and not der:
            names = self._asked(name.policy)
            der = minting.certificate(
                *names, version.not_before, version.not_after, number=number, issuer_class=issuer_class
            )
        leaf = read_leaf(der) if der else minting.facts(version.id, *self._asked(name.policy), issuer_class)
        whole = replace(version, leaf=leaf, made_for=tags.get(RENEWAL_TAG, ""), made_by=tags.get(INSTANCE_TAG, ""))
        name.versions.append((whole, dict(tags)))
        name.unfinished = None
        if not quiet:
            self.tell(VaultEvent.NEW_VERSION, name, whole)
        self.at(max(whole.not_after - NEAR, whole.created), lambda _: self.tell(VaultEvent.NEAR_EXPIRY, name, whole))
        self.at(whole.not_after, lambda _: self.tell(VaultEvent.EXPIRED, name, whole))
        self._schedule_rotation(name, whole)
        return whole

    def tell(self, event: VaultEvent, name: Name, version: Version) -> None:
        """Send an event, if the version is the current one."""
        if self.on_event and not name.deleted and name.current and name.current.id == version.id:
            self.on_event(event, name.ref, version)

    def begin(self, name: Name, tags: Mapping[str, str], when: datetime | None = None) -> Pending:
        """Begin an operation under the name's policy, now unless it was to begin earlier."""
        now, number = when or self.clock(), 1 + name.begun % minting.KEYS
        name.begun += 1
        request = minting.csr(*self._asked(name.policy), number)
        pending = Pending(
            request_id=self.fresh_id(name.ref), issuer=name.policy.issuer, csr=request, number=number, tags=dict(tags)
        )
        name.pending = pending
        if not name.versions:
            version = self._planned(name, now, None, enabled=False)
            name.unfinished = (version, dict(tags))
        play = self.issuers.get(name.policy.issuer.lower())
        if play:
            self.at(max(now + play.delay, play.busy_until or now), lambda when: self.finish(name, pending, when))
        return pending

    def finish(self, name: Name, pending: Pending, when: datetime) -> None:
        """End an operation as its issuer wants, unless it was ended otherwise."""
        if name.pending is not pending or pending.state is not OperationState.IN_PROGRESS or name.deleted:
            return
        play = self.issuers[pending.issuer.lower()]
        if play.failure:
            pending.state, pending.error = OperationState.FAILED, play.failure
            return
        pending.state = OperationState.COMPLETED
        version = self._planned(name, when, play.life, enabled=True)
        self.add_version(name, version, pending.tags, number=pending.number, issuer_class=play.issuer_class)

    def rotate(self, name: Name, when: datetime | None = None) -> None:
        """Let Key Vault renew by itself: the tags are copied."""
        if self.rotates and not name.busy and not name.deleted and name.policy.by_vault and name.versions:
            self.begin(name, name.versions[-1][1], when)

    def _schedule_rotation(self, name: Name, version: Version) -> None:
        policy = name.policy
        if policy.action is not LifetimeAction.AUTO_RENEW or not policy.by_vault:
            return
        if policy.trigger_days is not None:
            when = version.not_after - timedelta(days=policy.trigger_days)
        else:
            when = version.not_before + version.lifetime * (policy.trigger_percentage or 80) / 100

        def turn(when: datetime) -> None:
            if name.current and name.current.id == version.id and name.policy.action is LifetimeAction.AUTO_RENEW:
                self.rotate(name, when)

        self.at(when, turn)

    def _planned(self, name: Name, now: datetime, life: timedelta | None, *, enabled: bool) -> Version:
        return Version(
            id=self.fresh_id(name.ref),
            created=now,
            not_before=now - BACKDATED,
            not_after=now + life if life else after_months(now.astimezone(UTC), name.policy.validity_months),
            enabled=enabled,
        )

    @staticmethod
    def _asked(policy: IssuancePolicy) -> tuple[str, tuple[str, ...]]:
        return minting.subject_name(policy), policy.names
