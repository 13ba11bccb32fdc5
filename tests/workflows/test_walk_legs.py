"""One leg of a walk: what its row holds when it begins, waits, starts again, fails and goes on."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from perennial.errors import Changed, Forbidden, Refused
from perennial.model.certificate import CertificateRef
from perennial.model.history import VaultWalk, WalkState
from perennial.model.inventory import VaultRow
from perennial.model.messages import Walk
from perennial.workflows import walk
from perennial.workflows.names_seen import NamesSeen
from perennial.workflows.walk_page import Counts
from tests.memory.stage import Stage
from tests.workflows.racing import raced
from tests.workflows.rows import rewrite_vault
from tests.workflows.walking import (
    BOTH,
    HOUR,
    MINUTE,
    ORDERS,
    SECOND,
    WATCHED,
    begin,
    named,
    put,
    stage,
    step,
    vault_row,
    walk_of,
    writes,
)


def change(on: Stage, row: VaultWalk, **columns: Any) -> VaultWalk:
    """Rewrite a walk's row."""
    changed = replace(row, **columns)
    on.tables.sweeps.put(changed)
    return changed


def at_the_first_page(on: Stage, tick: datetime) -> list[VaultWalk]:
    """Note the walk's row as it stands at the first call to the vault."""
    seen: list[VaultWalk] = []

    def on_call(method: str, vault: str, name: str) -> None:
        if not seen:
            seen.append(walk_of(on, tick))

    on.vaults.on_call = on_call
    return seen


def test_a_leg_takes_the_row_before_its_first_call() -> None:
    """Walking, under a lease, begun now, under the vault's mode; a later leg keeps the instant of the first."""
    on = stage(*named(3))
    tick = begin(on)
    seen = at_the_first_page(on, tick)
    step(on, tick)
    row = seen[0]
    assert (row.state, row.lease_until) == (WalkState.WALKING, on.now + 12 * MINUTE)
    assert (row.started, row.mode, row.asked_by) == (on.now, "renew", "test")
    on = stage(*named(3))
    tick = begin(on)
    change(on, walk_of(on, tick), started=on.now - HOUR, mode="renew", seen=4)
    seen = at_the_first_page(on, tick)
    step(on, tick)
    assert (seen[0].started, seen[0].seen) == (on.now - HOUR, 4)
    assert walk_of(on, tick).seen == 7


def test_a_walk_that_starts_afresh_keeps_who_asked_and_when_it_began() -> None:
    """Place, counts, names and errors are forgotten."""
    on = stage()
    at = on.now
    row = VaultWalk(
        tick=at,
        vault=ORDERS,
        asked_by="mode",
        state=WalkState.WALKING,
        lease_until=at,
        started=at,
        mode="renew",
        place="x",
        names_seen="y",
        ended=at,
        seen=1,
        checked=1,
        skipped={"a": 1},
        failed=1,
        queued=1,
        findings=1,
        expected=1.0,
        error="e",
        fix="f",
    )
    kept = VaultWalk(
        tick=at, vault=ORDERS, asked_by="mode", state=WalkState.WALKING, lease_until=at, started=at, mode="renew"
    )
    assert walk.fresh(row) == kept


def test_a_vault_that_left_the_settings_ends_its_walk() -> None:
    """Failed now, with the reason and without a lease; the sweep may be settled by it."""
    on = stage(vaults=BOTH)
    tick = begin(on)
    step(on, tick)
    change(on, walk_of(on, tick, WATCHED), lease_until=on.now + HOUR)
    on.settings = replace(on.settings, vaults={ORDERS: BOTH[ORDERS]})
    step(on, tick, WATCHED)
    row = walk_of(on, tick, WATCHED)
    assert (row.state, row.ended, row.lease_until, row.error) == (WalkState.FAILED, on.now, None, walk.NOT_OURS)
    on.run(SECOND)
    assert len(on.told("action-needed", code="sweep-failed")) == 1


def test_a_closed_vault_gives_the_row_back() -> None:
    """Queued without a lease, place and counts kept; nothing is asked."""
    on = stage(*named(3))
    tick = begin(on)
    change(on, walk_of(on, tick), seen=4, place="2", lease_until=on.now + MINUTE)
    rewrite_vault(on, closed_until=on.now + HOUR, closures=1)
    step(on, tick)
    row = walk_of(on, tick)
    assert (row.state, row.lease_until, row.seen, row.place) == (WalkState.QUEUED, None, 4, "2")
    assert on.vaults.calls["page"] == 0


def test_a_message_without_a_row_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """In one line."""
    on = stage()
    with caplog.at_level(logging.INFO, logger="perennial"):
        step(on, on.now)
    said = on.now.isoformat().replace("+00:00", "Z")
    assert [json.loads(text) for text in caplog.messages] == [
        {"event": "walk", "vault": ORDERS, "tick": said, "did": "no-row"}
    ]


def test_a_message_that_comes_back_settles_the_sweep() -> None:
    """Whoever ended the last walk may have died before it told."""
    on = stage()
    tick = on.now
    on.tables.sweeps.put(VaultWalk(tick=tick, vault=ORDERS, state=WalkState.FAILED, error="no role"))
    step(on, tick)
    on.run(SECOND)
    assert len(on.told("action-needed", code="sweep-failed")) == 1


@pytest.mark.parametrize("state", [WalkState.QUEUED, WalkState.WALKING])
def test_a_queued_rows_lease_is_its_messages_patience(state: WalkState) -> None:
    """It keeps find_due from sending another; only a walking one's keeps a leg away."""
    on = stage(*named(1))
    tick = begin(on)
    change(on, walk_of(on, tick), state=state, lease_until=on.now + SECOND)
    step(on, tick)
    assert on.vaults.calls["page"] == (state is WalkState.QUEUED)
    change(on, walk_of(on, tick), state=state, lease_until=None)
    step(on, tick)
    assert walk_of(on, tick).state is WalkState.WHOLE


def test_a_copy_that_was_a_moment_slower_ends() -> None:
    """Another took the row between its read and its save: no call, no error."""
    on = stage(*named(1))
    tick = begin(on)
    step(on, tick, world=raced(on.world(), "sweeps"))
    assert on.vaults.calls["page"] == 0
    assert walk_of(on, tick).state is WalkState.QUEUED


def test_a_list_that_is_refused_at_its_head_fails_the_walk(caplog: pytest.LogCaptureFixture) -> None:
    """With the vault's words, cut to what a row holds, and what to do; told as a warning."""
    on = stage(*named(1))
    tick = begin(on)
    on.vaults.fail_next("page", Refused(ORDERS, "x" * 900, code="BadParameter"))
    with caplog.at_level(logging.WARNING, logger="perennial"):
        step(on, tick)
    row = walk_of(on, tick)
    assert (row.state, row.ended, row.lease_until) == (WalkState.FAILED, on.now, None)
    assert (row.error, row.fix) == ("x" * 500, "read the vault's answer: it refuses to list its certificates")
    said = tick.isoformat().replace("+00:00", "Z")
    warned = {"event": "walk-failed", "vault": ORDERS, "tick": said, "error": "x" * 900, "fix": row.fix}
    assert warned in [json.loads(text) for text in caplog.messages]
    on.run(SECOND)
    assert len(on.told("action-needed", code="sweep-failed")) == 1


def test_names_of_the_first_try_are_forgotten_when_it_starts_again() -> None:
    """What is deleted between the two is not called seen."""
    on = stage(*named(60))
    tick = begin(on)
    names = NamesSeen(f"{tick.isoformat()} {ORDERS}")
    for name in named(60):
        names.add(name)
    on.vaults.delete(CertificateRef(ORDERS, named(60)[5]))
    change(on, walk_of(on, tick), place="stale", mode="renew", started=on.now, names_seen=names.text)
    step(on, tick)
    assert [name for name in named(60) if on.entry(name).gone] == [named(60)[5]]


def test_a_refused_continuation_is_said_while_the_vault_is_walked_again() -> None:
    """In the row, from its first page on."""
    on = stage(*named(60))
    tick = begin(on)
    change(on, walk_of(on, tick), place="stale", seen=25, mode="renew", started=on.now)
    seen: list[VaultWalk] = []
    on.vaults.on_call = lambda method, vault, name: seen.append(walk_of(on, tick))
    step(on, tick)
    assert [(row.place, row.seen, row.error) for row in seen[:2]] == [("stale", 25, ""), ("", 0, walk.STARTED_AGAIN)]


def test_a_refusal_closes_the_vault_for_its_looks_too() -> None:
    """The walk's call tells as much as a look's; a page that comes opens it again."""
    on = stage(*named(1))
    tick = begin(on)
    on.vaults.close(ORDERS, Forbidden(ORDERS, "no role", code="ForbiddenByRbac"))
    step(on, tick)
    assert (vault_row(on).closures, vault_row(on).closed_until) == (1, on.now + 15 * MINUTE)
    on.vaults.open(ORDERS)
    on.now += 15 * MINUTE
    tick = begin(on)
    step(on, tick)
    closed: VaultRow = vault_row(on)
    assert (closed.closures, closed.closed_until) == (0, None)


def test_a_throttled_walk_keeps_the_names_that_it_saw() -> None:
    """What the pages before showed is not missing at the end."""
    on = stage(*named(60))
    tick = begin(on)
    on.vaults.on_call = lambda method, vault, name: (
        on.vaults.throttle(ORDERS, on.now + MINUTE) if on.vaults.calls["page"] == 1 else None
    )
    step(on, tick)
    assert walk_of(on, tick).names_seen
    on.vaults.on_call = None
    on.run(5 * MINUTE)
    row = walk_of(on, tick)
    assert (row.state, row.seen) == (WalkState.WHOLE, 60)
    assert not [name for name in named(60) if on.entry(name).gone]


def test_a_leg_that_ends_hands_on_with_patience() -> None:
    """Queued for as long as a message may take, with its place, in one more message; nothing was lost on the way."""
    on = stage(*named(202), page_size=1)
    tick = begin(on)
    on.queues.sent.clear()
    step(on, tick)
    row = walk_of(on, tick)
    assert (row.state, row.lease_until, row.place) == (WalkState.QUEUED, on.now + 10 * MINUTE, "200")
    assert [one for one, _ in on.queues.sent if isinstance(one, Walk)] == [Walk(tick=tick, vault=ORDERS)]
    step(on, tick)
    assert (walk_of(on, tick).seen, walk_of(on, tick).checked) == (202, 202)


def test_the_last_pages_are_saved_before_the_end_only_where_they_were_not() -> None:
    """A page that asked for a look was saved with it: no write more."""
    on = stage()
    put(on, *named(30))  # unknown: each page asks for looks
    tick = begin(on)
    before = writes(on.tables.sweeps)
    step(on, tick)
    assert writes(on.tables.sweeps) - before == 1 + 1 + 1  # taken, the first page, the end


def test_what_was_not_saved_is_still_the_holders_alone() -> None:
    """Quiet pages are saved before the end, so that a slow holder stops there."""
    on = stage(*named(30))
    tick = begin(on)

    def overtake(method: str, vault: str, name: str) -> None:
        if on.vaults.calls["page"] == 1:
            change(on, walk_of(on, tick), state=WalkState.OVERTAKEN)

    on.vaults.on_call = overtake
    with pytest.raises(Changed):
        step(on, tick)


def test_a_pages_numbers_are_added_to_the_walks() -> None:
    """Each of them, and the reasons one by one."""
    on = stage()
    counts: dict[str, Any] = {"seen": 1, "checked": 2, "skipped": {"a": 3}, "failed": 4, "queued": 5, "findings": 6}
    row = VaultWalk(tick=on.now, vault=ORDERS, expected=0.5, **counts)
    page = Counts(seen=10, checked=20, failed=40, queued=50, findings=60, expected=0.25)
    page.skipped.update({"a": 1, "b": 2})
    after = walk.counted(row, page)
    assert (after.seen, after.checked, after.failed, after.queued, after.findings) == (11, 22, 44, 55, 66)
    assert (after.skipped, after.expected) == ({"a": 4, "b": 2}, 0.75)
    assert timedelta(0) < walk.PATIENCE < walk.LEASE
