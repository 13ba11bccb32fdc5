"""A snapshot, a policy and an instant, with what follows from them: the words that the checks are written in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from perennial.decisions import lifetimes
from perennial.decisions.drift import drift
from perennial.decisions.tags import VAULT_ISSUER, Wishes, wishes
from perennial.model.certificate import Version
from perennial.model.decision import RenewalPolicy, Snapshot
from perennial.model.ids import spread
from perennial.model.mode import Mode
from perennial.model.renewal import Asked, Renewal


def written(instant: datetime) -> str:
    """Write an instant as reasons do."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%MZ}"


def managed(mode: Mode, wish: Wishes) -> bool:
    """Tell whether a certificate was chosen for renewal: by its vault's mode, or by its own tag."""
    return wish.renew if wish.renew is not None else mode is Mode.RENEW


@dataclass(frozen=True)
class Case:
    """One certificate whose current version is finished, to be decided at one instant."""

    seen: Snapshot
    current: Version
    policy: RenewalPolicy
    now: datetime

    @cached_property
    def wishes(self) -> Wishes:
        """What its tags ask for."""
        return wishes(self.seen.tags)

    @cached_property
    def managed(self) -> bool:
        """Whether it was chosen."""
        return managed(self.policy.mode, self.wishes)

    @cached_property
    def claim(self) -> Renewal | None:
        """The claim on the current version, open or closed."""
        renewal = self.seen.renewal
        return renewal if renewal is not None and renewal.replacing == self.current.id else None

    @cached_property
    def open_claim(self) -> Renewal | None:
        """The claim on the current version, if it is open."""
        return self.claim if self.claim is not None and self.claim.is_open else None

    @cached_property
    def issuers(self) -> tuple[str, ...]:
        """The keys of the issuers that may renew it, in order: those of its tag that are set up; else the vault, or the fleet's list of CAs."""
        asked = self.wishes.issuers
        known = tuple(name for name in asked if name in self.policy.authorities)
        if known or self.seen.policy.by_vault:
            return known or (VAULT_ISSUER,)
        return () if asked else tuple(name for name in self.policy.issuers if name in self.policy.authorities)

    @cached_property
    def unknown_issuers(self) -> tuple[str, ...]:
        """The issuers of its tag that are not set up."""
        return tuple(name for name in self.wishes.issuers if name not in self.policy.authorities | {VAULT_ISSUER})

    @cached_property
    def issuer(self) -> str:
        """The key of the issuer that a renewal would take, or has taken; empty: nothing can renew it."""
        claim = self.open_claim
        if claim is not None and claim.issuer in self.policy.authorities | {VAULT_ISSUER}:
            return claim.issuer
        return self.issuers[0] if self.issuers else ""

    @property
    def signed(self) -> bool:
        """Whether an authority signs it: names, key and CA then come from its policy and tags."""
        return bool(self.issuers) and not self.seen.policy.by_vault

    @cached_property
    def differs(self) -> str:
        """In what it is not what its policy and tags ask for; empty: in nothing, or no authority signs it."""
        leaf = self.current.leaf
        return drift(self.seen.policy, leaf, self.seen.issued_through, self.issuers) if leaf and self.signed else ""

    @property
    def drift_remains(self) -> bool:
        """Whether a renewal of ours has left that difference as it was: another would too."""
        last = self.seen.renewal
        return last is not None and last.new_version == self.current.id and last.drift == self.differs

    @property
    def drifted(self) -> bool:
        """Whether a difference is a reason to renew it."""
        return bool(self.differs) and not self.drift_remains

    @cached_property
    def request(self) -> Asked | None:
        """A person's request that no new version has spent."""
        asked = self.seen.request
        return asked if asked is not None and asked.version == self.current.id else None

    @cached_property
    def supervised(self) -> bool:
        """Whether Key Vault is expected to renew it itself."""
        return self.issuer == VAULT_ISSUER and lifetimes.supervised(self.seen.policy)

    @cached_property
    def steps_in(self) -> datetime:
        """When Perennial takes a supervised certificate over."""
        return lifetimes.steps_in(self.seen.policy, self.current, self.policy.supervision_grace)

    @cached_property
    def due_at(self) -> datetime:
        """When it is due, by the lifetime rule, its tags, its CA's window, a drift, or Key Vault's own lateness."""
        if self.supervised:
            return self.steps_in
        own = lifetimes.due(self.seen.certificate, self.current, self.wishes)
        earlier = (self.seen.suggested_at, self.seen.drifted_at if self.drifted else None)
        return min((own, *(instant for instant in earlier if instant is not None)))

    @property
    def due(self) -> bool:
        """Whether it is due now; once true, true until it is replaced."""
        return self.now >= self.due_at or self.revoked or self.drifted

    @cached_property
    def floor_at(self) -> datetime:
        """From when on it is an emergency; under supervision not before Perennial steps in."""
        floor = lifetimes.floor(self.current)
        return max(floor, self.steps_in) if self.supervised else floor

    @property
    def emergency(self) -> bool:
        """Whether so little life is left that it overrides brake and pauses."""
        return self.now >= self.floor_at

    @property
    def revoked(self) -> bool:
        """Whether the CA's window says so: passes the loop guard once per version, but never on the heels of another such renewal."""
        last = self.seen.renewal
        again = last is not None and last.new_version == self.current.id and last.trigger == "revoked-by-ca"
        return self.seen.window_passed and not again

    @property
    def by_person(self) -> bool:
        """Whether a person asked for a renewal now, due or not."""
        return self.request is not None and (self.request.force or self.due)

    @cached_property
    def guarded_until(self) -> datetime | None:
        """Until when the loop guard forbids another automatic renewal: a quarter of the shorter lifetime after the last one."""
        if self.seen.last_issued is None:
            return None
        shorter = min(self.current.lifetime, self.seen.last_lifetime or self.current.lifetime)
        return self.seen.last_issued + shorter / 4

    @cached_property
    def paused_until(self) -> datetime | None:
        """Until when a tag or a person pauses it."""
        return max((i for i in (self.wishes.pause_until, self.seen.paused_until) if i is not None), default=None)

    @property
    def next_step(self) -> datetime:
        """When the open claim's next step may be taken: shorter under the floor, at once when a person asked since its last step."""
        claim = self.open_claim
        if claim is None:
            return self.now
        if self.request is not None and (claim.stepped is None or self.request.at > claim.stepped):
            return self.now
        return min(claim.next_step, claim.earliest) if self.emergency else claim.next_step

    def recheck(self) -> datetime:
        """Return when something that is not ours to do is looked at again."""
        return lifetimes.read_again(self.current, settled=False, now=self.now)

    def not_past_floor(self, instant: datetime) -> datetime:
        """Bring a wait forward to the floor, where another answer may hold."""
        return min(instant, self.floor_at) if self.now < self.floor_at else instant

    def midnight(self) -> datetime:
        """Return this certificate's place in the ten minutes after the next UTC midnight."""
        tomorrow = self.now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return tomorrow + spread(self.seen.certificate, timedelta(minutes=10), "midnight")
