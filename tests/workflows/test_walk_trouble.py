"""A vault's walk in trouble: copies, crashes, refusals, long lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from perennial.errors import Forbidden, Unreachable
from perennial.model.certificate import CertificateRef
from perennial.model.history import VaultWalk, WalkState
from perennial.model.messages import Walk
from perennial.workflows import walk
from tests.memory.death import Death, Reaper
from tests.memory.stage import Stage
from tests.workflows.walking import (
    BOTH,
    HOUR,
    MINUTE,
    ORDERS,
    SECOND,
    WATCHED,
    begin,
    fleet,
    named,
    put,
    settled,
    stage,
    step,
    vault_row,
    walk_of,
)


def change(on: Stage, walk: VaultWalk, **columns: Any) -> None:
    """Rewrite a walk's row."""
    on.tables.sweeps.put(replace(walk, **columns))


def test_a_copy_of_the_message_ends_without_a_call() -> None:
    """While the row is under lease, and after it has ended, a copy does nothing."""
    on = stage(*named(30))
    tick = begin(on)
    change(on, walk_of(on, tick), state=WalkState.WALKING, lease_until=on.now + SECOND)
    step(on, tick)
    assert on.vaults.calls["page"] == 0
    on.now += SECOND
    step(on, tick)
    assert walk_of(on, tick).state is WalkState.WHOLE
    calls = on.vaults.calls["page"]
    step(on, tick)
    assert on.vaults.calls["page"] == calls == 2


def test_two_copies_at_once_walk_once() -> None:
    """Of two that read the same row, the ETag lets one through."""
    on = stage(*named(30))
    tick = begin(on)
    raced: list[str] = []

    def race(method: str, vault: str, name: str) -> None:
        if not raced:
            raced.append(method)
            step(on, tick)

    on.vaults.on_call = race
    step(on, tick)
    assert walk_of(on, tick).seen == 30


def test_a_message_without_a_row_does_nothing() -> None:
    """Rows are the truth: a walk that nobody asked for is not walked."""
    on = stage(*named(3))
    step(on, on.now)
    assert on.vaults.calls["page"] == 0


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_anywhere_is_made_up_for(after: bool) -> None:
    """Death at any effect: the walk ends whole all the same, every change is looked at, and nothing is counted twice."""
    for number in range(1, 60):
        on = stage(*named(6), page_size=2)
        put(on, "cert-00001", "new")
        on.vaults.delete(CertificateRef(ORDERS, "cert-00004"))
        tick = begin(on)
        reaper = Reaper(at=number, after=after)
        try:
            step(on, tick, world=reaper.around(on.world()))
        except Death:
            on.run(45 * MINUTE)
            step(on, tick)  # the queue hands the message over again
        else:
            assert number > 15
            return
        row = walk_of(on, tick)
        assert (row.state, row.seen, row.failed) == (WalkState.WHOLE, 6, 0), number
        assert on.entry("cert-00004").gone is not None
        assert len(on.told("action-needed", code="gone")) == 1
        current = on.vaults.current(CertificateRef(ORDERS, "cert-00001"))
        for entry, version in ((on.entry("cert-00001"), current), (on.entry("new"), None)):
            assert entry.version is not None
            assert version in (None, entry.version)
        assert fleet(on).last_sweep == tick
        settled(on)
    pytest.fail("the walk never got through")


def test_a_refused_continuation_starts_the_vault_again() -> None:
    """Its place is forgotten, its counts begin anew, and the walk is whole."""
    on = stage(*named(60))
    tick = begin(on)
    change(on, walk_of(on, tick), place="stale", seen=25, mode="renew", started=on.now)
    step(on, tick)
    row = walk_of(on, tick)
    assert (row.state, row.seen, row.error) == (WalkState.WHOLE, 60, "")


def test_a_continuation_that_is_refused_again_fails_the_walk() -> None:
    """The vault is started again once, not for ever."""
    on = stage(*named(60))
    tick = begin(on)
    change(on, walk_of(on, tick), place="stale", mode="renew", error=walk.STARTED_AGAIN, started=on.now)
    step(on, tick)
    row = walk_of(on, tick)
    assert (row.state, row.error) == (WalkState.FAILED, "the continuation is not accepted")
    assert row.fix


def test_a_throttled_vault_keeps_its_place() -> None:
    """429 in the middle: no lease, no failure, and the walk goes on from its place once the vault is open."""
    on = stage(*named(60))
    tick = begin(on)

    def throttle(method: str, vault: str, name: str) -> None:
        if on.vaults.calls["page"] == 1:
            on.vaults.throttle(ORDERS, on.now + 3 * MINUTE, timedelta(minutes=3))

    on.vaults.on_call = throttle
    step(on, tick)
    row = walk_of(on, tick)
    assert (row.state, row.place, row.seen, row.lease_until) == (WalkState.QUEUED, "25", 25, None)
    assert vault_row(on).closed_until == on.now + 3 * MINUTE
    on.vaults.on_call = None
    step(on, tick)
    assert on.vaults.calls["page"] == 2
    on.run(5 * MINUTE)
    row = walk_of(on, tick)
    assert (row.state, row.seen, on.vaults.calls["page"]) == (WalkState.WHOLE, 60, 4)
    assert vault_row(on).closed_until is None
    settled(on)


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (Forbidden(ORDERS, "the firewall refused", code="ForbiddenByFirewall"), "firewall"),
        (Forbidden(ORDERS, "no such right", code="ForbiddenByRbac"), "role"),
        (Unreachable(ORDERS, "no such host"), "exists"),
    ],
)
def test_a_vault_that_refuses_is_failed_with_reason_and_fix(
    error: Forbidden | Unreachable, fix: str, spoil: Callable[[Stage], None]
) -> None:
    """It is a failed vault and not a shorter list; the other vault is walked whole; the sweep's notice is told once."""
    on = stage(*named(30), vaults=BOTH)
    put(on, "other", vault=WATCHED)
    tick = begin(on)
    on.vaults.close(ORDERS, error)
    spoil(on)
    step(on, tick)
    step(on, tick, WATCHED)
    on.run(MINUTE)
    row = walk_of(on, tick)
    assert (row.state, row.error) == (WalkState.FAILED, error.what)
    assert fix in row.fix
    assert walk_of(on, tick, WATCHED).state is WalkState.WHOLE, "the other vault is walked whole"
    assert on.entry(named(1)[0]).gone is None
    assert fleet(on).last_sweep != tick
    assert len(on.told("action-needed", code="sweep-failed")) == 1


def test_a_failed_walk_is_tried_again_when_the_vault_is_open() -> None:
    """A role given back at noon need not wait for the next day's tick."""
    on = stage(*named(30))
    tick = begin(on)
    on.vaults.close(ORDERS)
    step(on, tick)
    on.run(40 * MINUTE)
    assert walk_of(on, tick).state is WalkState.FAILED
    on.vaults.open(ORDERS)
    on.run(20 * MINUTE)
    row = walk_of(on, tick)
    assert (row.state, row.seen, row.error) == (WalkState.WHOLE, 30, "")
    assert fleet(on).last_sweep == tick
    assert len(on.told("action-needed", code="sweep-failed")) == 1


def test_a_vault_that_left_the_settings_is_not_walked() -> None:
    """Its open walk ends as failed, without a call."""
    on = stage(*named(3))
    tick = begin(on)
    on.settings = replace(on.settings, vaults={WATCHED: BOTH[WATCHED]})
    step(on, tick)
    assert (walk_of(on, tick).state, walk_of(on, tick).error) == (WalkState.FAILED, walk.NOT_OURS)
    assert on.vaults.calls["page"] == 0


def test_a_long_walk_goes_on_in_another_message() -> None:
    """After 200 pages it saves its place and queues itself; what the first leg saw is remembered at the end."""
    on = stage(*named(203), page_size=1)
    on.vaults.delete(CertificateRef(ORDERS, "cert-00007"))
    tick = begin(on)
    on.queues.sent.clear()
    step(on, tick)
    row = walk_of(on, tick)
    assert (row.state, row.place, row.seen) == (WalkState.QUEUED, "200", 200)
    assert [one for one, _ in on.queues.sent if isinstance(one, Walk)] == [Walk(tick=tick, vault=ORDERS)]
    step(on, tick)
    row = walk_of(on, tick)
    assert (row.state, row.seen, row.place, row.names_seen) == (WalkState.WHOLE, 202, "", "")
    gone = [name for name in named(203) if on.entry(name).gone]
    assert gone == ["cert-00007"]


def test_a_page_that_changed_mode_in_between_is_walked_again() -> None:
    """A walk that began under another mode starts again, so that every row is compared with the new one."""
    on = stage(*named(60))
    tick = begin(on)
    change(on, walk_of(on, tick), place="25", seen=7, mode="observe", started=on.now)
    step(on, tick)
    assert walk_of(on, tick).seen == 60
    assert vault_row(on).mode_seen == "renew"


def test_empty_pages_are_no_end() -> None:
    """A page may be empty and have more."""
    on = stage(*named(30))
    on.vaults.empty_pages = True
    tick = begin(on)
    step(on, tick)
    assert (walk_of(on, tick).seen, on.vaults.calls["page"]) == (30, 3)


def test_a_walk_is_made_up_for_after_a_lost_message() -> None:
    """A message that nobody took is sent again after ten minutes, once, and not while somebody walks."""
    on = stage(*named(3))
    tick = begin(on)
    on.queues.sent.clear()
    on.run(9 * MINUTE)
    assert [one for one, _ in on.queues.sent if isinstance(one, Walk)] == []
    on.run(3 * MINUTE)
    assert [one for one, _ in on.queues.sent if isinstance(one, Walk)] == [Walk(tick=tick, vault=ORDERS)]
    assert walk_of(on, tick).state is WalkState.WHOLE
    held = begin(on)
    change(on, walk_of(on, held), state=WalkState.WALKING, lease_until=on.now + HOUR)
    on.queues.sent.clear()
    on.run(30 * MINUTE)
    assert [one for one, _ in on.queues.sent if isinstance(one, Walk)] == []
