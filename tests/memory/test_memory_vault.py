"""The memory's vaults beyond the port's contract: time, events, people and outages, which simulations rest on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from perennial.errors import Busy, Unclear
from perennial.model.certificate import (
    RENEWAL_TAG,
    CertificateRef,
    IssuancePolicy,
    IssuerClass,
    LifetimeAction,
    OperationState,
    Version,
)
from tests.memory.shelf import VaultEvent, after_months
from tests.memory.vault import MemoryVaults

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REF = CertificateRef("kv-orders", "www")
SELF = IssuancePolicy(issuer="Self", subject="CN=www.example", names=("www.example",))
ROTATING = IssuancePolicy(
    issuer="CA", subject="CN=www.example", names=("www.example",), action=LifetimeAction.AUTO_RENEW, trigger_days=30
)


class Play:
    """A fleet, its clock, and the events that it sent."""

    def __init__(self) -> None:
        self.now = NOW
        self.events: list[tuple[VaultEvent, str]] = []
        self.vaults = MemoryVaults(lambda: self.now, on_event=self._heard)

    def _heard(self, event: VaultEvent, _: CertificateRef, version: Version) -> None:
        self.events.append((event, version.id))

    def seed(self, policy: IssuancePolicy = SELF, days: int = 90) -> Version:
        """Import a certificate that begins now."""
        return self.vaults.import_certificate(REF, NOW, NOW + timedelta(days=days), policy=policy, tags={"a": "b"})

    def after(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)
        self.vaults.settle()


@pytest.fixture
def play() -> Play:
    """An empty fleet."""
    return Play()


def test_events_come_at_their_times_and_only_for_the_current_version(play: Play) -> None:
    """New version at once, near expiry thirty days before the end, expired at the end; a replaced version is silent."""
    old = play.seed()
    play.after(days=59)
    assert play.events == [(VaultEvent.NEW_VERSION, old.id)]
    play.after(days=1)
    assert play.events[-1] == (VaultEvent.NEAR_EXPIRY, old.id)
    play.vaults.create(REF, {})
    play.after(seconds=10)
    new = play.vaults.current(REF)
    assert new is not None
    assert play.events[-1] == (VaultEvent.NEW_VERSION, new.id)
    play.after(days=31)
    assert (VaultEvent.EXPIRED, old.id) not in play.events


def test_a_short_certificate_is_near_expiry_at_birth(play: Play) -> None:
    """Its whole lifetime is no longer than thirty days."""
    version = play.seed(days=6)
    play.after(seconds=0)
    assert play.events == [(VaultEvent.NEW_VERSION, version.id), (VaultEvent.NEAR_EXPIRY, version.id)]


def test_the_next_instant_is_when_something_happens_by_itself(play: Play) -> None:
    """A simulation can jump there."""
    assert play.vaults.next_instant() is None
    play.seed()
    assert play.vaults.next_instant() == NOW + timedelta(days=60)
    play.vaults.create(REF, {})
    assert play.vaults.next_instant() == NOW + timedelta(seconds=10)


def test_an_issuer_takes_its_time_fails_and_recovers(play: Play) -> None:
    """A failed operation leaves the version as it was, and says why."""
    ca = play.vaults.add_issuer("CA", delay=timedelta(hours=2), failure=("Request rejected", "no"))
    old = play.seed(IssuancePolicy(issuer="ca", subject="CN=www.example"))
    play.vaults.create(REF, {})
    play.after(hours=1)
    assert [found.state for found in [play.vaults.pending(REF)] if found] == [OperationState.IN_PROGRESS]
    play.after(hours=1)
    found = play.vaults.pending(REF)
    assert found is not None
    assert (found.state, found.error_code) == (OperationState.FAILED, "Request rejected")
    assert play.vaults.current(REF) == old
    ca.failure = None
    play.vaults.create(REF, {})
    play.after(hours=2)
    new = play.vaults.current(REF)
    assert new is not None
    assert new.leaf is not None
    assert (new.id != old.id, new.leaf.issuer_class) == (True, IssuerClass.PUBLIC)


def test_key_vaults_own_rotation_copies_the_tags(play: Play) -> None:
    """At the policy's trigger, under the same tags: a copied one names an older version."""
    play.vaults.add_issuer("CA")
    old = play.seed(ROTATING)
    play.vaults.set_tags(REF, {RENEWAL_TAG: "older"})
    play.after(days=59)
    assert play.vaults.pending(REF) is None
    play.after(days=1, seconds=10)
    new = play.vaults.current(REF)
    assert new is not None
    assert (new.id != old.id, new.made_for) == (True, "older")


def test_rotation_does_not_disturb_a_pending_operation(play: Play) -> None:
    """One operation per name."""
    play.vaults.add_issuer("CA", delay=timedelta(days=90))
    play.seed(ROTATING)
    begun = play.vaults.create(REF, {})
    play.after(days=61)
    found = play.vaults.pending(REF)
    assert found is not None
    assert found.request_id == begun.request_id


def test_a_renewal_brings_a_disabled_certificate_back_enabled(play: Play) -> None:
    """That is why nobody may renew it unasked."""
    play.seed()
    play.vaults.disable(REF)
    found = play.vaults.get(REF)
    assert found is not None
    assert not found.version.enabled
    play.vaults.create(REF, {})
    play.after(seconds=10)
    current = play.vaults.current(REF)
    assert current is not None
    assert current.enabled


def test_an_import_is_refused_while_an_operation_is_pending(play: Play) -> None:
    """As a person meets it."""
    play.seed()
    play.vaults.begin_foreign_operation(REF)
    with pytest.raises(Busy):
        play.seed()


def test_a_restored_backup_brings_the_old_version_back(play: Play) -> None:
    """The replaced version is current again."""
    old = play.seed()
    play.vaults.create(REF, {})
    play.after(seconds=10)
    play.vaults.restore(REF, old.id)
    assert play.vaults.current(REF) == old


def test_a_fault_strikes_where_and_as_often_as_told(play: Play) -> None:
    """After its effect the operation is there."""
    play.seed()
    play.vaults.fail_next("create", Unclear("kv-orders", "time-out"), after_effect=True, name="www")
    assert play.vaults.get(REF) is not None
    with pytest.raises(Unclear):
        play.vaults.create(REF, {})
    assert play.vaults.pending(REF) is not None
    assert (play.vaults.calls["create"], len(play.vaults.creates)) == (1, 1)


def test_a_pending_renewal_can_be_shown_as_unfinished() -> None:
    """What the service shows then was never recorded; both ways must be survived."""
    vaults = MemoryVaults(lambda: NOW, shows_pending_renewal=True)
    old = vaults.import_certificate(REF, NOW, NOW + timedelta(days=90), policy=SELF)
    vaults.create(REF, {})
    found = vaults.get(REF)
    assert found is not None
    assert (found.version.leaf, found.version.id == old.id) == (None, False)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (datetime(2026, 1, 31, tzinfo=UTC), 1, datetime(2026, 2, 28, tzinfo=UTC)),
        (datetime(2026, 11, 5, 9, tzinfo=UTC), 3, datetime(2027, 2, 5, 9, tzinfo=UTC)),
        (datetime(2026, 12, 31, tzinfo=UTC), 12, datetime(2027, 12, 31, tzinfo=UTC)),
    ],
)
def test_months_are_the_calendars(start: datetime, months: int, end: datetime) -> None:
    """The same day, or the month's last."""
    assert after_months(start, months) == end


def test_the_same_play_gives_the_same_ids() -> None:
    """A failing simulation can be run again."""
    assert Play().seed() == Play().seed()
