"""What a vault no longer has: only a whole walk, or a 404 in a look, says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perennial.model.certificate import CertificateRef
from perennial.model.history import HistoryKind
from perennial.model.reasons import ReasonCode
from perennial.workflows.gone import NEVER, mark_gone
from tests.memory.death import Death, Reaper
from tests.memory.stage import Stage
from tests.workflows.rows import rewrite
from tests.workflows.walking import BOTH, HOUR, MINUTE, ORDERS, WATCHED, begin, put, settled, stage, step, sweep

OLD = CertificateRef(ORDERS, "old")


def fleet_of_two() -> Stage:
    """Return a stage with a certificate to lose, which has a finding, and one to keep."""
    on = stage()
    put(on, "keep")
    put(on, "old", owner="")
    sweep(on)
    on.run(HOUR)
    on.channel.sent.clear()
    return on


def finding_state(on: Stage) -> str:
    """Return the state of the finding of the certificate to lose."""
    stored = on.tables.findings.get(ORDERS, "old:no-owner")
    assert stored is not None
    return stored.value.state


def test_a_whole_walk_marks_what_it_did_not_see() -> None:
    """Findings resolved, looks ended, one notice since it was managed, one line of history; the rest stays."""
    on = fleet_of_two()
    on.vaults.delete(OLD)
    sweep(on)
    sweep(on)
    entry = on.entry("old")
    assert (entry.gone is not None, entry.next_check, entry.decision) == (True, NEVER, "leave-alone")
    assert entry.reason is not None
    assert entry.reason.code is ReasonCode.GONE
    assert finding_state(on) == "resolved"
    assert len(on.told("action-needed", code="gone")) == 1
    assert [row.kind for row in on.history("old")][:1] == [HistoryKind.GONE]
    assert on.entry("keep").gone is None
    settled(on)


def test_a_walk_that_failed_marks_nothing() -> None:
    """What half a list did not show may well be there."""
    on = fleet_of_two()
    on.vaults.page_size = 1
    on.vaults.delete(OLD)
    tick = begin(on)
    on.vaults.on_call = lambda method, vault, name: on.vaults.close(ORDERS) if on.vaults.calls["page"] else None
    step(on, tick)
    assert on.entry("old").gone is None


def test_a_404_in_a_look_marks_it_too() -> None:
    """A look that reads nothing ends the certificate the same way, and another look changes nothing."""
    on = fleet_of_two()
    on.vaults.delete(OLD)
    for _ in range(2):
        on.look("old", version="f" * 32)
    assert on.entry("old").gone is not None
    on.run(MINUTE)
    assert finding_state(on) == "resolved"
    assert len(on.told("action-needed", code="gone")) == 1


def test_what_was_only_observed_is_not_told() -> None:
    """An observed certificate that is gone is recorded, and nobody is called."""
    on = stage(vaults=BOTH)
    put(on, "old", vault=WATCHED)
    sweep(on)
    on.vaults.delete(CertificateRef(WATCHED, "old"))
    sweep(on)
    assert on.entry("old", WATCHED).gone is not None
    assert on.told("action-needed", code="gone") == []


def test_what_was_first_seen_during_the_walk_is_not_missing() -> None:
    """A row that a look inserted after the walk's start was behind its place in the list."""
    on = fleet_of_two()
    tick = begin(on)

    def arrive(method: str, vault: str, name: str) -> None:
        on.vaults.on_call = None
        stored = on.tables.inventory.get(ORDERS, "keep")
        assert stored is not None
        on.tables.inventory.insert(replace(stored.value, certificate="late", first_seen=on.now))

    on.vaults.on_call = arrive
    step(on, tick)
    assert on.entry("late").gone is None


def test_what_is_being_issued_is_asked_for_by_name() -> None:
    """A list may leave out a name whose operation is open, so a look reads it before anything is said."""
    on = fleet_of_two()
    version = on.entry("old").version
    assert version is not None
    rewrite(on, "old", claim=version.id)
    on.vaults.delete(OLD)
    tick = begin(on)
    on.queues.sent.clear()
    step(on, tick)
    assert on.entry("old").gone is None
    assert on.entry("old").read_at <= on.now
    on.run(20 * MINUTE)
    assert on.entry("old").gone is not None


def test_what_is_listed_again_lives_again() -> None:
    """A recovered certificate is read at the next sweep, and watched as before."""
    on = fleet_of_two()
    on.vaults.delete(OLD)
    sweep(on)
    on.vaults.recover(OLD)
    sweep(on)
    entry = on.entry("old")
    assert entry.gone is None
    assert entry.next_check < NEVER
    assert finding_state(on) == "open"
    settled(on)


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_while_marking_is_made_up_for(after: bool) -> None:
    """Death at any effect: a later look goes on, and it is told and recorded once."""
    for number in range(1, 12):
        on = fleet_of_two()
        on.vaults.delete(OLD)
        stored = on.tables.inventory.get(ORDERS, "old")
        assert stored is not None
        try:
            mark_gone(Reaper(at=number, after=after).around(on.world()), stored)
        except Death:
            on.run(30 * MINUTE)  # its looks end once its last notice is told
            if on.entry("old").gone is None:
                sweep(on)
        else:
            assert number > 5
            return
        assert on.entry("old").next_check == NEVER, number
        assert finding_state(on) == "resolved"
        assert len(on.told("action-needed", code="gone")) == 1
        assert len([row for row in on.history("old") if row.kind is HistoryKind.GONE]) == 1
    pytest.fail("marking never got through")


def test_a_name_that_never_was_is_not_mourned() -> None:
    """A look at a name without a certificate ends it, and tells nobody."""
    on = fleet_of_two()
    on.look("ghost")
    on.run(MINUTE)
    assert on.entry("ghost").gone is not None
    assert on.told("action-needed", code="gone") == []
