"""A vault's walk: what it costs, what it notices, what it leaves to looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.errors import Changed
from perennial.model.certificate import CertificateRef, Listed
from perennial.model.history import WalkState
from perennial.model.ids import inverted
from perennial.model.messages import Look
from perennial.workflows.walk_page import change
from tests.memory.stage import Stage
from tests.workflows.rows import rewrite
from tests.workflows.walking import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    ORDERS,
    SECOND,
    begin,
    named,
    put,
    settled,
    stage,
    step,
    sweep,
    walk_of,
    writes,
)

WWW = CertificateRef(ORDERS, "cert-00001")


def looks(on: Stage) -> list[tuple[str, str]]:
    """Return name and cause of the looks that were queued."""
    return [(one.certificate.name, one.cause) for one, _ in on.queues.sent if isinstance(one, Look)]


def test_unchanged_certificates_cost_list_pages_alone() -> None:
    """A hundred unchanged certificates are four pages of 25: no GET, no look, no write to the inventory or the findings."""
    on = stage(*named(100))
    tick = begin(on)
    before = writes(on.tables.inventory), writes(on.tables.findings)
    step(on, tick)
    row = walk_of(on, tick)
    assert dict(on.vaults.calls) == {"page": 4}
    assert (writes(on.tables.inventory), writes(on.tables.findings)) == before
    assert looks(on) == []
    assert (row.state, row.seen, row.checked, row.failed, dict(row.skipped)) == (WalkState.WHOLE, 100, 100, 0, {})


def test_pages_that_ask_for_nothing_are_saved_four_at_a_time() -> None:
    """Taking the row is one write, each fourth page one more, what is left at the last page another, the end one."""
    on = stage(*named(250))  # ten pages
    tick = begin(on)
    before = writes(on.tables.sweeps)
    step(on, tick)
    assert writes(on.tables.sweeps) - before == 1 + 2 + 1 + 1


def test_a_page_that_asks_for_a_look_is_saved_at_once() -> None:
    """Place, counts and names are one save after its effects."""
    on = stage(*named(100))
    put(on, *(f"cert-{number:05}-new" for number in (10, 60)))  # on the first and the third of five pages
    tick = begin(on)
    before = writes(on.tables.sweeps)
    step(on, tick)
    assert writes(on.tables.sweeps) - before == 1 + 2 + 1 + 1
    assert walk_of(on, tick).queued == 2


def test_a_name_never_seen_becomes_a_look_and_no_row() -> None:
    """The look inserts the row; the walk counts it as skipped, and why."""
    on = stage("cert-00001")
    put(on, "new")
    tick = begin(on)
    step(on, tick)
    row = walk_of(on, tick)
    assert looks(on) == [("new", "sweep: first seen")]
    assert on.tables.inventory.get(ORDERS, "new") is None
    assert (row.seen, row.checked, dict(row.skipped), row.queued) == (2, 1, {"first seen": 1}, 1)


def test_first_sights_are_paced() -> None:
    """Looks go out twenty-five a second, in whole seconds, at most an hour on, over all pages of the walk."""
    on = stage("cert-00001")
    put(on, *(f"new-{number:03d}" for number in range(60)))
    step(on, begin(on))
    delays = [delay for one, delay in on.queues.sent if isinstance(one, Look)]
    assert delays == [timedelta(seconds=number // 25) for number in range(60)]


def renew_elsewhere(on: Stage) -> None:
    """Let a person import a version, and lose the event."""
    put(on, WWW.name)


def disable(on: Stage) -> None:
    """Disable the current version."""
    on.vaults.disable(WWW)


def retag(on: Stage) -> None:
    """Give it another owner."""
    on.vaults.set_tags(WWW, {"perennial-owner": "team-b"})


@pytest.mark.parametrize(
    ("act", "why"), [(renew_elsewhere, "another version"), (disable, "disabled"), (retag, "other tags")]
)
def test_what_no_event_told_is_read(act: Callable[[Stage], None], why: str) -> None:
    """Another thumbprint, flag or tags in the list ask for a read, in the row first; the look brings the row up to date."""
    on = stage(*named(3))
    act(on)
    tick = begin(on)
    step(on, tick)
    assert looks(on) == [(WWW.name, f"sweep: {why}")]
    assert on.entry(WWW.name).read_at <= on.now
    assert dict(walk_of(on, tick).skipped) == {why: 1}
    on.run(MINUTE)
    entry, shown = on.entry(WWW.name), on.vaults.current(WWW)
    assert entry.version is not None
    assert shown is not None
    assert (entry.version.id, entry.version.enabled) == (shown.id, shown.enabled)
    assert on.vaults.calls["get"] == 1
    settled(on)


def test_a_read_that_was_asked_for_is_not_asked_for_again() -> None:
    """While its look is on the way, another walk queues none."""
    on = stage(*named(3))
    disable(on)
    step(on, begin(on))
    on.now += MINUTE
    step(on, begin(on))
    assert looks(on) == [(WWW.name, "sweep: disabled")]


def test_a_lost_look_is_made_up_for() -> None:
    """Should the look's message be lost, the row's own clock has it read within minutes."""
    on = stage(*named(3))
    disable(on)
    step(on, begin(on))
    on._heap.clear()
    on.run(20 * MINUTE)
    version = on.entry(WWW.name).version
    assert version is not None
    assert not version.enabled


def test_an_unfinished_item_is_no_change() -> None:
    """A listed item without a thumbprint shows an operation, not another version; with the known one, nothing new."""
    entry = stage(*named(3)).entry(WWW.name)
    assert entry.version is not None
    assert entry.version.leaf is not None
    unfinished = Listed(ref=WWW, sha1="", enabled=False, created=None, not_before=None, not_after=None, tags={})
    known = replace(unfinished, sha1=entry.version.leaf.sha1, enabled=True, tags=entry.tags)
    assert change(entry, unfinished) == change(entry, known) == ""
    assert change(entry, replace(known, sha1="0" * 40)) == "another version"
    assert change(replace(entry, gone=NOW), unfinished) == "listed again"


@pytest.mark.parametrize("late", [HOUR, HOUR - SECOND])
def test_a_row_that_nobody_looked_at_in_time_becomes_a_look(late: timedelta) -> None:
    """A row that was due an hour ago is queued, and leased as find_due leases; what came due since is find_due's to pace."""
    on = stage(*named(3))
    rewrite(on, WWW.name, next_check=on.now - late)
    step(on, begin(on))
    missed = late >= HOUR
    assert looks(on) == [(WWW.name, "sweep: overdue")] * missed
    assert on.entry(WWW.name).next_check == (on.now + HOUR if missed else on.now - late)


def test_a_lost_near_expiry_event_is_made_up_for_by_the_sweep(spoil: Callable[[Stage], None]) -> None:
    """An old certificate that no event and no row told of is renewed after one sweep."""
    on = stage("cert-00001")
    put(on, "old", left=5 * DAY)
    spoil(on)
    sweep(on)
    assert len(on.vaults.versions(CertificateRef(ORDERS, "old"))) == 2, "it is renewed although every event is lost"
    settled(on)


def test_rules_are_evaluated_on_rows() -> None:
    """Without a read, a walk opens what has become true since the last look."""
    on = stage(*named(3))
    rewrite(on, WWW.name, owner="")
    tick = begin(on)
    step(on, tick)
    assert on.tables.findings.get(ORDERS, f"{WWW.name}:no-owner") is not None
    assert walk_of(on, tick).findings == 1
    assert on.vaults.calls["get"] == 0


def test_one_bad_row_does_not_hold_up_the_others(spoil: Callable[[Stage], None]) -> None:
    """A row that cannot be judged is counted as failed; the rest is checked."""
    on = stage(*named(3))
    broken = rewrite(on, WWW.name, tags={"perennial-renew": 5})  # what no vault sends
    on.vaults.set_tags(WWW, broken.tags)
    tick = begin(on)
    spoil(on)
    step(on, tick)
    row = walk_of(on, tick)
    assert (row.state, row.seen, row.checked, row.failed) == (WalkState.WHOLE, 3, 2, 1), "the others are checked"


def test_a_walk_that_another_took_over_stops() -> None:
    """The slow holder of a lease that has ended fails on its next save, before what the end of a walk does."""
    on = stage(*named(60))
    tick = begin(on)
    pages: list[str] = []

    def overtake(method: str, vault: str, name: str) -> None:
        pages.append(method)
        if len(pages) == 2:
            stored = on.tables.sweeps.get(inverted(tick), ORDERS)
            assert stored is not None
            on.tables.sweeps.save(replace(stored, value=replace(stored.value, state=WalkState.OVERTAKEN)))

    on.vaults.on_call = overtake
    before = on.tables.vaults.get("vault", ORDERS)
    with pytest.raises(Changed):
        step(on, tick)
    assert len(pages) == 3
    assert on.tables.vaults.get("vault", ORDERS) == before, "a whole walk is said by its holder alone"
    assert walk_of(on, tick).state is WalkState.OVERTAKEN
