"""The promises, checked wherever something happens that could break one. Each is told from what is outside, never from our rows alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from perennial.decisions import lifetimes
from perennial.model.certificate import RENEWAL_TAG, CertificateRef, Version
from perennial.model.inventory import Entry
from perennial.model.notices import Delivery, NoticeKind, Subscription
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Outcome, Renewal
from tests.simulation.cast import ACME, DAY
from tests.simulation.truth import Truth
from tests.simulation.violation import hold

SCHEDULE = timedelta(days=8)  # no managed certificate is without a look for longer
LATE = timedelta(hours=6)  # a look may come so late: its message was lost, and lost again
TELLING = timedelta(
    hours=30
)  # a receiver that is up is told within the ladder's last rung and the wait behind its closure
GIVEN_UP = timedelta(days=3)  # a delivery may be abandoned after this


@dataclass(frozen=True, slots=True)
class Debt:
    """A version that was seen as current, which a subscription is to be told of."""

    ref: CertificateRef
    version: str
    created: datetime
    seen: datetime
    subscription: str
    channel: str


@dataclass(slots=True)
class Watch:
    """What has been seen so far, and what follows from it."""

    truth: Truth
    befell: Counter[str]
    subscriptions: Mapping[str, str] = field(default_factory=dict)  # name → channel
    brake: int = 20
    slips: Counter[date] = field(default_factory=Counter)  # deaths and failed writes, after which a count may lack one
    asked: set[tuple[CertificateRef, str]] = field(default_factory=set)  # renewals that a person asked for
    replaced: dict[tuple[CertificateRef, str], int] = field(default_factory=dict)
    last_create: dict[str, datetime] = field(default_factory=dict)
    automatic: dict[CertificateRef, tuple[datetime, timedelta]] = field(default_factory=dict)
    claims: Counter[date] = field(default_factory=Counter)
    told: dict[tuple[str, CertificateRef], datetime] = field(default_factory=dict)  # newest version delivered
    ids: dict[tuple[str, CertificateRef, str], str] = field(default_factory=dict)
    down: dict[str, list[tuple[datetime, datetime]]] = field(default_factory=dict)  # channel → its outages
    debts: list[Debt] = field(default_factory=list)
    revoked: AbstractSet[str] = frozenset()  # certificates of which a CA has said so
    outcomes: dict[tuple[CertificateRef, str], Outcome] = field(
        default_factory=dict
    )  # claims as they were written last
    turns: dict[tuple[CertificateRef, str], str] = field(default_factory=dict)  # whose turn each claim last named
    current: dict[CertificateRef, str] = field(default_factory=dict)  # as our row has it
    newest: dict[CertificateRef, datetime] = field(default_factory=dict)

    # what we ask of a vault

    def created(self, ref: CertificateRef, current: Version, tags: Mapping[str, str], now: datetime) -> None:
        """Check a create of ours that a vault accepted."""
        person = (ref, current.id) in self.asked
        hold(not self.truth.switched_off, "switch", f"{ref}: a create while the switch stands on observe")
        hold(self.truth.managed(ref), "observe", f"{ref}: a create of what is not managed")
        last = self.last_create.get(ref.vault)
        hold(last is None or now - last >= timedelta(seconds=1), "pace", f"{ref}: two creates within a second")
        self.last_create[ref.vault] = now
        claimed = tags.get(RENEWAL_TAG, "")
        for version in {claimed, current.id}:
            again = self.replaced.get((ref, version), 0)
            hold(not again or person, "replaced-once", f"{ref}: {version} was replaced, and is replaced again")
        revoked = current.leaf is not None and current.leaf.ari_id in self.revoked  # then no quarter of a life counts
        if not person and not revoked and ref in self.automatic:
            at, life = self.automatic[ref]
            until = at + min(life, current.lifetime) / 4
            hold(now >= until, "loop-guard", f"{ref}: renewed automatically at {at}, again before {until}")

    def issued(self, ref: CertificateRef, replaced: Version, new: Version, now: datetime) -> None:
        """Note that a create of ours became a version."""
        key = (ref, replaced.id)
        person = key in self.asked
        count = self.replaced[key] = self.replaced.get(key, 0) + 1
        hold(count == 1 or person, "replaced-once", f"{ref}: {replaced.id} was replaced {count} times")
        self.truth.came_back.discard(ref)
        if not person:
            shorter = min(replaced.lifetime, new.lifetime)
            self.automatic[ref] = (now, shorter)
            self.truth.guarded[ref] = now + shorter / 4

    # what we write down

    def entry(self, entry: Entry, now: datetime) -> None:
        """Check a certificate's row as it is written."""
        if entry.decision:
            hold(entry.reason is not None, "reason", f"{entry.ref}: decided {entry.decision} without a reason")
        if entry.reason is not None:
            self.befell[entry.reason.code.value] += 1
        version, ref = entry.version, entry.ref
        if version is None or version.leaf is None or self.current.get(ref) == version.id:
            return
        self.current[ref] = version.id
        older = ref in self.newest and version.created < self.newest[ref]
        if older or version.created <= self.truth.began:
            return
        self.newest[ref] = version.created
        for name, channel in self.subscriptions.items():
            self.debts.append(Debt(ref, version.id, version.created, now, name, channel))

    def looked(self, entry: Entry | None, ref: CertificateRef, now: datetime) -> None:
        """Check a certificate's row after a look."""
        hold(entry is not None, "row", f"{ref}: looked at, and has no row")
        if entry is not None:
            hold(entry.reason is not None, "reason", f"{ref}: looked at, and has no reason")
            hold(entry.next_check > now, "next-check", f"{ref}: looked at, and its next check is not later")

    def claimed(self, row: Renewal, now: datetime) -> None:
        """Check a claim that is inserted; note whose turn it is, and how one ends."""
        key = (row.certificate, row.replacing)
        before, self.outcomes[key] = self.outcomes.get(key), row.outcome
        turn, self.turns[key] = self.turns.get(key, row.issuer), row.issuer
        if row.is_open and turn != row.issuer:
            self.befell["acme: failed over" if row.issuer in ACME else "failed over"] += 1
        if before is None:
            self.claim(row, now)
        elif before is not row.outcome:
            self.befell["reopened" if row.is_open else f"closed: {row.outcome}"] += 1

    def claim(self, row: Renewal, now: datetime) -> None:
        """Check a claim as it is inserted."""
        self.befell[f"claimed: {row.trigger}"] += 1
        if not row.automatic or row.trigger in (ReasonCode.EMERGENCY, ReasonCode.REVOKED):
            return
        name = self.truth.vaults.shelf.names[row.certificate]
        if name.current is not None and now >= lifetimes.floor(name.current):
            return
        today = now.date()
        self.claims[today] += 1
        allowed = self.brake + self.slips[today]
        hold(self.claims[today] <= allowed, "brake", f"{self.claims[today]} renewals today, allowed are {self.brake}")

    # whom we tell

    def sent(self, delivery: Delivery, subscription: Subscription) -> None:
        """Check a notice that arrived."""
        if delivery.kind is not NoticeKind.NEW_VERSION or delivery.version_created is None:
            return
        vault, _, name = delivery.subject.partition(":")
        key = (subscription.name, CertificateRef(vault, name))
        newest = self.told.get(key, delivery.version_created)
        hold(
            delivery.version_created >= newest, "never-older", f"{key}: an older version was told after one of {newest}"
        )
        self.told[key] = delivery.version_created
        first = self.ids.setdefault((*key, delivery.version), delivery.notice)
        hold(first == delivery.notice, "same-id", f"{key}: {delivery.version} was told under two ids")

    def refuses(self, channel: str, begin: datetime, end: datetime) -> None:
        """Note that a channel is down from then to then."""
        self.down.setdefault(channel, []).append((begin, end))

    # what must be so at any time

    def expiry(self, ref: CertificateRef, now: datetime) -> None:
        """Check that no managed certificate is past its end when nothing has been in the way for long enough."""
        current = self.truth.vaults.shelf.names[ref].current
        if current is None or now < current.not_after:
            return
        since = self.truth.owed_since(ref, now)
        hold(since is None or now < since, "expired", f"{ref}: past its end at {current.not_after}, owed since {since}")

    def audit(self, entries: Mapping[CertificateRef, Entry], now: datetime) -> None:
        """Check what is so of the whole fleet, once a day."""
        for ref in self.truth.vaults.shelf.names:
            self.truth.touch(ref, now, changed=False)
            since, entry = self.truth.owed_since(ref, now), entries.get(ref)
            owed = since is not None and now >= since
            hold(entry is not None or not owed, "row", f"{ref}: managed, and has no row")
            self.expiry(ref, now)
            if entry is not None and owed:
                soon = now - LATE <= entry.next_check <= now + SCHEDULE
                hold(soon, "schedule", f"{ref}: its next check is at {entry.next_check}")
        self.debts = [debt for debt in self.debts if self._owes(debt, now)]

    def _owes(self, debt: Debt, now: datetime) -> bool:
        """Tell whether a version is still to be told; raise where it is overdue."""
        told = self.told.get((debt.subscription, debt.ref))
        if told is not None and told >= debt.created:
            return False
        ends = [end for begin, end in self.down.get(debt.channel, []) if begin <= now and end > debt.seen]
        if any(end - debt.seen >= GIVEN_UP - DAY / 2 for end in ends):
            self.befell["delivery given up"] += 1
            return False
        what = f"{debt.ref}: {debt.version}, seen at {debt.seen}, was not told to {debt.subscription}"
        hold(now < max([debt.seen, *ends]) + TELLING, "announced", what)
        return True
