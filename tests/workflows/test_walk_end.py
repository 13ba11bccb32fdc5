"""The end of a walk and of a sweep: what is written, who is told, and what another's write at the same moment does."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from perennial.errors import Changed
from perennial.model.certificate import CertificateRef
from perennial.model.history import VaultWalk, WalkState
from perennial.model.ids import inverted
from perennial.model.inventory import VaultRow
from perennial.model.messages import Look
from perennial.model.mode import Mode
from perennial.workflows import walk_end
from perennial.workflows.gone import NEVER
from perennial.workflows.names_seen import NamesSeen
from perennial.workflows.sight import fleet_row, renewal_policy
from perennial.workflows.world import World
from tests.memory.stage import Stage
from tests.workflows.racing import raced
from tests.workflows.rows import rewrite, rewrite_fleet
from tests.workflows.walking import (
    BOTH,
    DAY,
    HOUR,
    MINUTE,
    ORDERS,
    SECOND,
    WATCHED,
    fleet,
    named,
    stage,
    vault_row,
    walk_of,
    writes,
)

WWW = CertificateRef(ORDERS, "cert-00001")


def finish(on: Stage, listed: list[str], world: World | None = None, **columns: Any) -> VaultWalk:
    """End a walk that has seen these names."""
    begun = VaultWalk(tick=on.now, vault=ORDERS, started=on.now, state=WalkState.WALKING)
    row = replace(begun, **columns)
    on.tables.sweeps.put(row)
    stored = on.tables.sweeps.get(inverted(row.tick), ORDERS)
    assert stored is not None
    names = NamesSeen("salt")
    for name in listed:
        names.add(name)
    at = world or on.world()
    walk_end.finish(at, stored, renewal_policy(at, ORDERS, fleet(on)), names)
    return walk_of(on, row.tick)


def lines(caplog: pytest.LogCaptureFixture, event: str) -> list[dict[str, object]]:
    """Return the lines of an event."""
    return [line for line in map(json.loads, caplog.messages) if line["event"] == event]


def test_what_a_whole_walk_leaves_in_the_rows() -> None:
    """No lease, no place, no names, nothing of an earlier failure; the vault's row and its share of the fleet."""
    on = stage(*named(2))
    held = on.now + MINUTE
    row = finish(
        on,
        named(2),
        lease_until=held,
        place="x",
        names_seen="y",
        error="z",
        fix="f",
        seen=9,
        checked=5,
        expected=1.23456,
    )
    assert (row.state, row.ended, row.lease_until) == (WalkState.WHOLE, on.now, None)
    assert (row.place, row.names_seen, row.error, row.fix) == ("", "", "", "")
    assert (row.seen, row.checked) == (9, 5)
    vault = vault_row(on)
    assert (vault.whole_walk, vault.mode_seen, vault.listed) == (on.now, Mode.RENEW, 9)
    assert fleet(on).expected[ORDERS] == 1.235


def test_an_unchanged_share_costs_no_write() -> None:
    """The fleet's row is written by every look and tick; a walk that learns nothing leaves it alone."""
    on = stage(vaults=BOTH)
    finish(on, [], expected=2.0)
    before = fleet_row(on.world())
    walk_end._change_fleet(on.world(), lambda row: row)
    assert fleet_row(on.world()) == before
    assert set(before.value.expected) == {ORDERS, WATCHED}


def test_the_lines_of_a_walk_and_of_a_sweep(caplog: pytest.LogCaptureFixture) -> None:
    """Counts, sums, how long it took, and what failed."""
    on = stage(vaults=BOTH)
    tick = on.now - MINUTE
    failed = VaultWalk(tick=tick, vault=WATCHED, state=WalkState.FAILED, error="no role", fix="give one", seen=1)
    on.tables.sweeps.put(failed)
    with caplog.at_level(logging.INFO, logger="perennial"):
        finish(on, [], tick=tick, seen=3, checked=2, queued=1, findings=4, failed=5, skipped={"first seen": 6})
    said = tick.isoformat().replace("+00:00", "Z")
    counts = {"seen": 3, "checked": 2, "queued": 1}
    assert lines(caplog, "walk") == [{"event": "walk", "vault": ORDERS, "tick": said, "did": "whole", **counts}]
    sums = {"seen": 4, "checked": 2, "skipped": 6, "items_failed": 5, "looks": 1, "findings": 4}
    (line,) = lines(caplog, "sweep")
    assert line == {"event": "sweep", "tick": said, "seconds": 60, "vaults": 2, "whole": 1, "failed": [WATCHED], **sums}


def test_a_failed_sweep_is_told_whole() -> None:
    """Which vaults, why, what to do, and the sums; a second time it is the same notice."""
    on = stage(vaults=BOTH)
    tick = on.now - HOUR
    on.tables.sweeps.put(VaultWalk(tick=tick, vault=ORDERS, state=WalkState.FAILED, error="no role", fix="give one"))
    on.tables.sweeps.put(VaultWalk(tick=tick, vault=WATCHED, state=WalkState.WHOLE, seen=7))
    before = fleet(on).last_sweep
    for _ in range(2):
        walk_end.settle(on.world(), tick)
        on.run(SECOND)
    assert fleet(on).last_sweep == before
    (body,) = [one.delivery.body for one in on.channel.sent if '"sweep-failed"' in one.delivery.body]
    data = json.loads(body)
    assert data["reason"] == f"1 of 2 vaults could not be walked: {ORDERS}: no role"
    assert data["fix"] == "give one"
    facts = data["facts"]
    assert (facts["failed"], facts["whole"], facts["seen"]) == ([ORDERS], [WATCHED], 7)
    assert facts["tick"].startswith(tick.date().isoformat())


def test_of_many_failed_vaults_ten_are_named() -> None:
    """A notice stays readable; the facts have all."""
    on = stage()
    tick = on.now
    for number in range(12):
        row = VaultWalk(tick=tick, vault=f"kv-{number:02}", state=WalkState.FAILED, error="no", fix=f"fix {number % 2}")
        on.tables.sweeps.put(row)
    walk_end.settle(on.world(), tick)
    on.run(MINUTE)
    (body,) = [one.delivery.body for one in on.channel.sent if '"sweep-failed"' in one.delivery.body]
    data = json.loads(body)
    assert data["reason"].count("kv-") == 10
    assert len(data["facts"]["failed"]) == 12
    assert data["fix"] == "fix 0; fix 1"


@pytest.mark.parametrize("state", [WalkState.QUEUED, WalkState.WALKING])
def test_a_sweep_with_an_open_walk_is_not_settled(state: WalkState) -> None:
    """Nothing is said, whatever failed; an overtaken walk is an end."""
    on = stage(vaults=BOTH)
    on.tables.sweeps.put(VaultWalk(tick=on.now, vault=ORDERS, state=WalkState.FAILED, error="no"))
    on.tables.sweeps.put(VaultWalk(tick=on.now, vault=WATCHED, state=state))
    walk_end.settle(on.world(), on.now)
    on.run(SECOND)
    assert on.told("action-needed", code="sweep-failed") == []
    tick = on.now
    on.tables.sweeps.put(VaultWalk(tick=tick, vault=ORDERS, state=WalkState.WHOLE))
    on.tables.sweeps.put(VaultWalk(tick=tick, vault=WATCHED, state=WalkState.OVERTAKEN))
    walk_end.settle(on.world(), tick)
    on.run(SECOND)
    assert on.told("action-needed", code="sweep-failed") == []
    assert fleet(on).last_sweep != tick


def test_vaults_beside_those_of_the_settings_make_no_sweep_less_whole() -> None:
    """A vault that has left the settings may still have a row; the first sweep is noted where there was none."""
    on = stage()
    rewrite_fleet(on, last_sweep=None)
    for vault in (ORDERS, "kv-before"):
        on.tables.sweeps.put(VaultWalk(tick=on.now, vault=vault, state=WalkState.WHOLE))
    walk_end.settle(on.world(), on.now)
    assert fleet(on).last_sweep == on.now


@pytest.mark.parametrize(
    ("columns", "started", "gone"),
    [
        ({}, timedelta(0), True),
        ({"gone_before": True}, timedelta(0), True),
        ({"first_seen": timedelta(0)}, timedelta(0), False),
        ({"first_seen": -SECOND}, timedelta(0), True),
        ({}, None, False),
    ],
)
def test_which_rows_a_walk_may_call_missing(columns: Mapping[str, Any], started: timedelta | None, gone: bool) -> None:
    """Those that were there when it began, and were not gone before."""
    on = stage(*named(2))
    before = on.now - DAY
    if "gone_before" in columns:
        rewrite(on, WWW.name, gone=before)
    else:
        rewrite(on, WWW.name, **{name: on.now + span for name, span in columns.items()})
    finish(on, [named(2)[0]], started=None if started is None else on.now + started)
    entry = on.entry(WWW.name)
    assert (entry.gone is not None) is gone
    assert (entry.gone == before) is ("gone_before" in columns)
    assert (entry.next_check == NEVER) is (gone and not columns.get("gone_before", False))
    assert on.entry(named(2)[0]).gone is None


@pytest.mark.parametrize("lost", [walk_end.FEW, walk_end.FEW + 1])
def test_few_and_many_missing_rows_are_found_alike(lost: int) -> None:
    """By name, or in one pass: only those that were not seen are gone."""
    on = stage(*named(lost + 2))
    rewrite(on, named(3)[2], gone=on.now - DAY)
    other = replace(on.entry(named(4)[3]), vault="kv-other")
    on.tables.inventory.put(other)
    finish(on, named(2))
    assert on.entry(other.certificate, "kv-other") == other
    assert [name for name in named(lost + 2) if on.entry(name).gone] == named(lost + 2)[2:]


def test_what_has_no_finished_version_is_asked_for_by_name() -> None:
    """Soon, read now, with a look that says why; a clock that comes earlier is not moved back."""
    for soon, version in ((MINUTE, None), (DAY, None), (DAY, "unfinished")):
        on = stage(*named(1))
        name = named(1)[0]
        known = on.entry(name).version
        assert known is not None
        shown = replace(known, leaf=None) if version else None
        rewrite(on, name, version=shown, next_check=on.now + soon, read_at=on.now + DAY)
        on.queues.sent.clear()
        finish(on, [])
        entry = on.entry(name)
        assert (entry.gone, entry.read_at) == (None, on.now)
        assert entry.next_check == on.now + min(soon, 10 * MINUTE)
        looks = [one for one, _ in on.queues.sent if isinstance(one, Look)]
        assert looks == [Look(certificate=CertificateRef(ORDERS, name), cause="sweep: not listed")]


def test_a_row_that_a_look_is_at_is_left_to_it() -> None:
    """Written between the walk's read and its save: not marked, and the walk is whole all the same."""
    on = stage(*named(2))
    row = finish(on, [named(2)[0]], world=raced(on.world(), "inventory"))
    assert row.state is WalkState.WHOLE
    assert on.entry(WWW.name).gone is None


def test_a_bad_row_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """It is named in a warning; what is missing beside it is marked."""
    on = stage(*named(3))
    rewrite(on, named(3)[0], tags={"perennial-renew": 5})
    row = finish(on, [])
    assert row.state is WalkState.WHOLE
    assert on.entry(named(3)[2]).gone is not None
    (line,) = lines(caplog, "walk-item-failed")
    assert line["certificate"] == f"{ORDERS}/{named(3)[0]}"
    assert "Error: " in str(line["error"])


@pytest.mark.parametrize(("table", "times"), [("vaults", 1), ("vaults", 4), ("fleet", 1), ("fleet", 4)])
def test_a_row_that_others_write_too_is_read_again(table: str, times: int) -> None:
    """Up to four lost races; what the others wrote stays."""
    on = stage(*named(1))
    finish(on, named(1), world=raced(on.world(), table, times=times), seen=8, expected=3.0)
    assert vault_row(on).listed == 8
    assert fleet(on).expected[ORDERS] == 3.0


@pytest.mark.parametrize("table", ["vaults", "fleet"])
def test_a_row_that_is_always_written_ends_the_leg(table: str) -> None:
    """The message comes again; the walk's own row is not closed."""
    on = stage(*named(1))
    with pytest.raises(Changed):
        finish(on, named(1), world=raced(on.world(), table, times=5), expected=3.0)
    assert walk_of(on, on.now).state is WalkState.WALKING


def test_a_vaults_own_finding_is_told_before_its_first_walk_too() -> None:
    """Its lack is the finding; nobody owns it. A vault that was walked costs no row."""
    on = stage()
    row = VaultRow(vault="kv-new", first_seen=on.now - 37 * HOUR, next_check=on.now + DAY)
    on.tables.vaults.insert(row)
    before = writes(on.tables.findings)
    walk_end.check_overdue(on.world(), replace(row, first_seen=on.now))
    assert writes(on.tables.findings) == before
    walk_end.check_overdue(on.world(), row)
    stored = on.tables.findings.get("kv-new", ":vault-not-walked")
    assert stored is not None
    assert (stored.value.silent, stored.value.owner, stored.value.state) == (False, "", "open")
    on.run(SECOND)
    assert len(on.told("finding-opened", about="kv-new:")) == 1
