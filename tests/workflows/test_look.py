"""A look at one certificate, from its message to its last row, on ports in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from perennial.model.certificate import CertificateRef
from perennial.model.reasons import ReasonCode
from perennial.model.renewal import Outcome
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, SELF, WWW, stage
from tests.workflows.rows import rewrite_fleet


def test_an_old_certificate_is_renewed_once_and_told() -> None:
    """Due, claimed, created, seen, closed as issued, announced: one new version, and its row waits for the next due date."""
    on = stage()
    on.look("www", "near-expiry")
    on.run(timedelta(minutes=5))
    assert len(on.vaults.versions(WWW)) == 2
    (claim,) = on.claims("www")
    assert claim.outcome is Outcome.ISSUED
    reason = on.entry("www").reason
    assert reason is not None
    assert reason.code is ReasonCode.NOT_DUE
    assert len(on.told("new-version")) == 1


def test_one_renewal_by_the_vault_costs_three_calls() -> None:
    """GET, create, GET of the result: the event of our own version finds it read and announced."""
    on = stage(events=False)
    on.look("www")
    on.vaults.shelf.issuers["self"].delay = timedelta(0)
    on.run(timedelta(minutes=3))
    calls = on.vaults.calls
    assert (calls["get"], calls["create"], calls["pending"]) == (2, 1, 0)


def test_the_event_of_our_own_version_costs_no_call() -> None:
    """What the row holds as announced needs no look at the vault."""
    on = stage()
    on.look("www")
    on.run(timedelta(minutes=5))
    before = sum(on.vaults.calls.values())
    version = on.entry("www").version
    assert version is not None
    on.look("www", "new-version", version=version.id)
    assert sum(on.vaults.calls.values()) == before


def test_ten_copies_make_one_version_and_leave_one_message(spoil: Callable[[Stage], None]) -> None:
    """Copies of an event find the claim; only the look that took the step waits for it."""
    on = stage(events=False)
    on.vaults.shelf.issuers["self"].delay = timedelta(minutes=10)
    spoil(on)
    for _ in range(10):
        on.look("www", "near-expiry")
        on.now += timedelta(seconds=1)
    assert on.vaults.calls["create"] == 1, "one create for ten copies"
    waiting = [message for message, delay in on.queues.sent if delay]
    assert len(waiting) == 1
    on.run(timedelta(minutes=30))
    assert len(on.vaults.versions(WWW)) == 2


def test_an_observed_certificate_is_never_written(spoil: Callable[[Stage], None]) -> None:
    """The decision says what would be done; the vault sees looks only."""
    on = Stage(NOW)
    ref = CertificateRef("kv-watched", "www")
    on.vaults.import_certificate(ref, NOW - 70 * DAY, NOW + 20 * DAY, policy=SELF, quiet=True)
    spoil(on)
    entry = on.look("www", vault="kv-watched")
    on.run(DAY)
    assert entry.reason is not None, "the row has the reason"
    assert entry.reason.code is ReasonCode.OBSERVED
    assert on.vaults.calls["create"] == 0


def test_the_switch_stops_the_next_write() -> None:
    """A due certificate waits while the fleet's switch stands on observe, and goes on after."""
    on = stage()
    on.vaults.shelf.issuers["self"].delay = DAY
    rewrite_fleet(on, switch_off="a migration")
    reason = on.look("www").reason
    assert reason is not None
    assert reason.code is ReasonCode.KILL_SWITCH
    assert on.vaults.calls["create"] == 0
    rewrite_fleet(on, switch_off="")
    on.look("www")
    assert on.vaults.calls["create"] == 1


def test_a_person_who_renews_is_announced_and_nothing_is_renewed() -> None:
    """A version made by somebody else is told to everyone, and ends a claim as superseded."""
    on = stage(left=60 * DAY)
    on.look("www")
    on.vaults.import_certificate(WWW, NOW, NOW + 90 * DAY, policy=SELF)
    on.run(timedelta(minutes=2))
    assert len(on.told("new-version")) == 1
    assert on.vaults.calls["create"] == 0


def test_a_first_version_older_than_our_time_is_no_news() -> None:
    """What stood in the vault before Perennial came is not announced; what comes after is."""
    on = stage(left=60 * DAY)
    on.look("www")
    on.run(HOUR)
    assert on.told("new-version") == []
    young = CertificateRef("kv-orders", "young")
    on.vaults.import_certificate(young, on.now, on.now + 90 * DAY, policy=SELF)
    on.run(timedelta(minutes=2))
    assert len(on.told("new-version")) == 1
