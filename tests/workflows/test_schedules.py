"""The minute's tick, sweeps and the forgetting of rows: the instants at which each of them acts, and what it writes."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from perennial.model.certificate import CertificateRef
from perennial.model.history import HistoryKind, Record, VaultWalk, WalkState
from perennial.model.messages import Nudge, Walk
from perennial.model.mode import Mode
from perennial.model.notices import Delivery, DeliveryState, NoticeKind
from perennial.workflows import due, sweep, walk
from perennial.workflows.prune import ROWS_A_TICK
from perennial.workflows.world import World
from tests.memory.queue import MemoryQueues
from tests.memory.stage import Stage
from tests.workflows.racing import raced
from tests.workflows.rows import rewrite_fleet, rewrite_vault
from tests.workflows.walking import (
    BOTH,
    DAY,
    HOUR,
    MINUTE,
    ORDERS,
    SECOND,
    WATCHED,
    begin,
    fleet,
    named,
    stage,
    step,
    vault_row,
    walk_of,
)

MONTH = 30 * DAY


def tick(on: Stage, world: World | None = None) -> MemoryQueues:
    """Run the clock once and return what it queued."""
    queues = MemoryQueues()
    due.find_due(replace(world or on.world(), queues=queues))
    return queues


def put_delivery(on: Stage, subject: str, **columns: Any) -> None:
    """Put a delivery there."""
    row = Delivery(
        subject=subject,
        notice="n",
        subscription="ops",
        kind=NoticeKind.ACTION_NEEDED,
        opened=on.now,
        body="{}",
        time=on.now,
    )
    on.tables.deliveries.put(replace(row, **columns))


def test_a_vaults_notices_are_queued_when_its_row_is_due() -> None:
    """At its second; then it comes again when the next of them is due, or in a day."""
    on = stage()
    put_delivery(on, f"{ORDERS}:")
    rewrite_vault(on, next_check=on.now + SECOND)
    assert tick(on).nudges == []
    rewrite_vault(on, next_check=on.now)
    assert tick(on).nudges == [Nudge(subject=f"{ORDERS}:", delivery="n:ops")]
    assert vault_row(on).next_check == on.now + 10 * MINUTE
    put_delivery(on, f"{ORDERS}:", state=DeliveryState.DELIVERED)
    rewrite_vault(on, next_check=on.now)
    assert tick(on).nudges == []
    assert vault_row(on).next_check == on.now + DAY
    put_delivery(on, f"{ORDERS}:", next_attempt=on.now + 3 * DAY)
    rewrite_vault(on, next_check=on.now)
    tick(on)
    assert vault_row(on).next_check == on.now + DAY


def test_the_fleets_notices_are_queued_when_its_row_is_due() -> None:
    """As a vault's; every tick is noted whether it was due or not."""
    on = stage()
    put_delivery(on, ":")
    rewrite_fleet(on, next_check=on.now + SECOND, last_due=None)
    assert tick(on).nudges == []
    assert (fleet(on).last_due, fleet(on).next_check) == (on.now, on.now + SECOND)
    rewrite_fleet(on, next_check=on.now)
    assert len(tick(on).nudges) == 1
    assert fleet(on).next_check == on.now + 10 * MINUTE
    put_delivery(on, ":", state=DeliveryState.DELIVERED)
    rewrite_fleet(on, next_check=on.now)
    tick(on)
    assert fleet(on).next_check == on.now + DAY
    put_delivery(on, ":", next_attempt=on.now + 3 * DAY)
    rewrite_fleet(on, next_check=on.now)
    tick(on)
    assert fleet(on).next_check == on.now + DAY


@pytest.mark.parametrize("table", ["vaults", "fleet"])
def test_a_tick_that_lost_a_race_for_a_row_does_the_rest(table: str) -> None:
    """The other wrote it; what is left is due again in a minute."""
    on = stage(*named(2))
    rewrite_vault(on, next_check=on.now)
    rewrite_fleet(on, last_due=None)
    tick(on, raced(on.world(), table))
    assert (vault_row(on).next_check == on.now) is (table == "vaults")
    assert (fleet(on).last_due is None) is (table == "fleet")


def test_rows_are_forgotten_once_a_day() -> None:
    """The day is noted when nothing is left; a tick that left some is followed by another."""
    on = stage()
    record = Record(certificate=CertificateRef(ORDERS, "x"), id="", at=on.now - 500 * DAY, kind=HistoryKind.EVENT)
    for number in range(ROWS_A_TICK):
        on.tables.history.put(replace(record, id=f"r{number}"))
    rewrite_fleet(on, pruned=None)
    tick(on)
    assert fleet(on).pruned is None
    tick(on)
    assert fleet(on).pruned == on.now.date()
    on.tables.history.put(record)
    tick(on)
    assert on.history("x") == [record]
    rewrite_fleet(on, pruned=on.now.date() - DAY)
    tick(on)
    assert on.history("x") == []


@pytest.mark.parametrize(("late", "again"), [(-SECOND, False), (timedelta(0), True)])
def test_a_failed_walk_is_tried_again_after_a_quarter_of_an_hour(late: timedelta, again: bool) -> None:
    """To the second, from its end; with new counts, and leased while its message waits."""
    on = stage()
    at = on.now - HOUR
    ended = on.now - 15 * MINUTE - late
    row = VaultWalk(tick=at, vault=ORDERS, state=WalkState.FAILED, ended=ended, seen=9, place="x", error="no")
    on.tables.sweeps.put(row)
    assert (Walk(tick=at, vault=ORDERS) in tick(on).walks) is again
    if again:
        after = walk_of(on, at)
        assert (after.state, after.seen, after.place, after.error, after.ended) == (WalkState.QUEUED, 0, "", "", None)
        assert after.lease_until == on.now + 10 * MINUTE
        assert tick(on).walks == []


@pytest.mark.parametrize(("lease", "again"), [(SECOND, False), (timedelta(0), True), (None, True)])
def test_a_walk_without_a_holder_is_sent_on(lease: timedelta | None, again: bool) -> None:
    """To the second; what it has counted stays."""
    on = stage()
    at = on.now - MINUTE
    until = None if lease is None else on.now + lease
    on.tables.sweeps.put(VaultWalk(tick=at, vault=ORDERS, state=WalkState.WALKING, lease_until=until, seen=9))
    assert tick(on).walks == [Walk(tick=at, vault=ORDERS)] * again
    assert walk_of(on, at).seen == 9


@pytest.mark.parametrize("state", [WalkState.QUEUED, WalkState.FAILED])
def test_nothing_is_sent_to_a_closed_vault(state: WalkState) -> None:
    """Until the second at which it opens."""
    on = stage()
    at = on.now - HOUR
    on.tables.sweeps.put(VaultWalk(tick=at, vault=ORDERS, state=state, ended=at))
    rewrite_vault(on, closed_until=on.now + SECOND, closures=1)
    assert tick(on).walks == []
    on.now += SECOND
    assert tick(on).walks == [Walk(tick=at, vault=ORDERS)]


def test_older_walks_that_never_ended_are_closed_and_ended_ones_stay() -> None:
    """With their end and without a lease; a race for one of them holds up nothing."""
    on = stage()
    first, second, last = on.now - 2 * HOUR, on.now - HOUR, on.now - MINUTE
    on.tables.sweeps.put(VaultWalk(tick=first, vault=ORDERS, state=WalkState.FAILED))
    on.tables.sweeps.put(VaultWalk(tick=second, vault=ORDERS, state=WalkState.WALKING, lease_until=on.now + HOUR))
    on.tables.sweeps.put(VaultWalk(tick=last, vault=ORDERS, state=WalkState.WHOLE))
    sweep.requeue(raced(on.world(), "sweeps"))
    assert walk_of(on, second).state is WalkState.WALKING
    sweep.requeue(on.world())
    row = walk_of(on, second)
    assert (row.state, row.ended, row.lease_until) == (WalkState.OVERTAKEN, on.now, None)
    assert walk_of(on, first).state is WalkState.FAILED
    assert walk_of(on, last).state is WalkState.WHOLE


def test_one_vaults_race_does_not_hold_up_the_others() -> None:
    """The first vault's walk is somebody else's; the second's is sent on."""
    on = stage(vaults=BOTH)
    at = on.now - MINUTE
    for vault in BOTH:
        on.tables.sweeps.put(VaultWalk(tick=at, vault=vault))
    sweep.requeue(raced(on.world(), "sweeps"))
    sent = [one for one, _ in on.queues.sent if isinstance(one, Walk)]
    assert sent == [Walk(tick=at, vault=WATCHED)]


def test_a_fleet_of_many_vaults_is_sent_on_whole() -> None:
    """Thirty walks without a holder: a message each."""
    vaults = {f"kv-{number:02}": Mode.RENEW for number in range(30)}
    on = stage(vaults=vaults)
    at = on.now - MINUTE
    for vault in vaults:
        on.tables.sweeps.put(VaultWalk(tick=at, vault=vault))
    sweep.requeue(on.world())
    assert sorted(one.vault for one, _ in on.queues.sent if isinstance(one, Walk)) == sorted(vaults)


def test_a_failed_walk_of_the_newest_tick_itself_is_tried_again() -> None:
    """It is no older tick that waits for a newer one."""
    on = stage()
    at = on.now.replace(hour=3)
    on.tables.sweeps.put(VaultWalk(tick=at, vault=ORDERS, state=WalkState.FAILED))
    assert tick(on).walks == [Walk(tick=at, vault=ORDERS)]


def test_a_vault_without_a_row_is_walked_all_the_same() -> None:
    """Its row is made by the walk."""
    on = stage()
    on.settings = replace(on.settings, vaults={**on.settings.vaults, "kv-new": Mode.OBSERVE})
    sweep.requeue(on.world())
    assert [one.vault for one, _ in on.queues.sent if isinstance(one, Walk)] == ["kv-new"]
    at = on.now - SECOND
    for state, walks in ((WalkState.QUEUED, ["kv-new"]), (WalkState.WHOLE, [])):
        on.tables.sweeps.put(VaultWalk(tick=at, vault="kv-new", state=state))
        on.queues.sent.clear()
        sweep.requeue(on.world())
        assert [one.vault for one, _ in on.queues.sent if isinstance(one, Walk)] == walks


def test_a_mode_that_was_never_walked_asks_for_no_walk() -> None:
    """Nor the same one; another one does, at once."""
    on = stage()
    for mode_seen, walks in (("", 0), (Mode.RENEW, 0), (Mode.OBSERVE, 1)):
        rewrite_vault(on, mode_seen=mode_seen)
        assert len(tick(on).walks) == walks
    assert walk_of(on, on.now).asked_by == "mode"
    assert walk_of(on, on.now).lease_until == on.now + walk.PATIENCE


def test_a_sweep_that_is_started_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Its tick, who asked, how many vaults; each row's message may wait for ten minutes."""
    on = stage(vaults=BOTH)
    with caplog.at_level(logging.INFO, logger="perennial"):
        at = begin(on)
    said = at.isoformat().replace("+00:00", "Z")
    assert {"event": "sweep-started", "tick": said, "asked_by": "test", "vaults": 2} in [
        json.loads(text) for text in caplog.messages
    ]
    assert walk_of(on, at).lease_until == at + walk.PATIENCE
    step(on, at)
    assert walk_of(on, at).state is WalkState.WHOLE
