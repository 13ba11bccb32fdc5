"""A sweep is a tick of its schedule; what was missed is made up for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.model.certificate import CertificateRef, IssuancePolicy
from perennial.model.findings import Finding
from perennial.model.history import VaultWalk, WalkState
from perennial.model.messages import Look, Walk
from perennial.model.mode import Mode
from perennial.model.reasons import ReasonCode
from perennial.workflows import sweep as sweeping
from perennial.workflows.walk_end import totals
from tests.memory.stage import Stage
from tests.workflows.rows import rewrite_vault
from tests.workflows.walking import (
    BOTH,
    DAY,
    HOUR,
    MINUTE,
    NOW,
    ORDERS,
    WATCHED,
    begin,
    fleet,
    named,
    put,
    settled,
    stage,
    step,
    sweep,
    vault_row,
    walk_of,
    walks,
)

THREE = NOW.replace(hour=3)


def sent_walks(on: Stage) -> list[str]:
    """Return the vaults whose walk was queued."""
    return [one.vault for one, _ in on.queues.sent if isinstance(one, Walk)]


def vault_finding(on: Stage, vault: str = ORDERS) -> Finding | None:
    """Return the finding of a vault that was not walked."""
    stored = on.tables.findings.get(vault, ":vault-not-walked")
    return stored.value if stored else None


def test_a_tick_is_a_row_and_a_message_for_each_vault() -> None:
    """Started again, nothing more is inserted and nothing sent."""
    on = stage(vaults=BOTH)
    for _ in range(2):
        begin(on)
    assert sorted(sent_walks(on)) == [ORDERS, WATCHED]
    assert {row.asked_by for row in walks(on)} == {"test", "schedule"}


def test_the_timer_starts_the_tick_that_has_come() -> None:
    """A timer that fires late, or twice, means the same tick."""
    on = stage()
    on.now = NOW + DAY
    assert sweeping.start_scheduled(on.world()) == THREE + DAY
    on.now += MINUTE
    sweeping.start_scheduled(on.world())
    assert sent_walks(on) == [ORDERS]


def test_a_first_deployment_is_walked_at_once() -> None:
    """Without any row the newest tick is made up for in the first minute, and the vault's row stands."""
    on = Stage(NOW, vaults={ORDERS: Mode.RENEW}, events=False)
    on.jumps = False
    put(on, *named(3))
    on.run(3 * MINUTE)
    (row,) = walks(on)
    assert (row.tick, row.state, row.asked_by) == (THREE, WalkState.WHOLE, "schedule")
    assert vault_row(on).listed == 3
    assert fleet(on).last_sweep == THREE
    settled(on)


def test_an_outage_at_the_tick_is_made_up_for() -> None:
    """No timer, no find_due from two until five: the tick of three is walked at five, once."""
    on = stage(*named(3))
    on.ticking = False
    on.run(17 * HOUR)
    assert on.now == NOW + 17 * HOUR
    on.ticking = True
    on.run(5 * MINUTE)
    assert (walks(on)[0].tick, walks(on)[0].state) == (THREE + DAY, WalkState.WHOLE)
    assert sent_walks(on) == [ORDERS]


def test_older_ticks_are_overtaken() -> None:
    """A walk that never ended is closed once there is a newer one, and is not sent on."""
    on = stage(*named(3))
    old = begin(on)
    on.now += MINUTE
    new = begin(on)
    on.run(30 * MINUTE)
    assert (walk_of(on, old).state, walk_of(on, new).state) == (WalkState.OVERTAKEN, WalkState.WHOLE)
    step(on, old)
    assert walk_of(on, old).seen == 0


def test_a_new_vault_in_the_settings_is_walked_within_minutes() -> None:
    """It lacks a row of the newest tick; the others are not walked again."""
    on = stage(*named(3))
    on.settings = replace(on.settings, vaults=BOTH)
    on.vaults.add_vault(WATCHED)
    on.run(3 * MINUTE)
    assert sent_walks(on) == [WATCHED]
    assert vault_row(on, WATCHED).whole_walk is not None


def test_a_closed_vault_is_not_sent_on() -> None:
    """Its walk waits for the vault and costs nothing until then."""
    on = stage(*named(3))
    tick = begin(on)
    rewrite_vault(on, closed_until=on.now + HOUR, closures=1)
    on.queues.sent.clear()
    on.run(50 * MINUTE)
    assert (sent_walks(on), on.vaults.calls["page"]) == ([], 0)
    on.run(20 * MINUTE)
    assert walk_of(on, tick).state is WalkState.WHOLE


def test_the_newest_whole_sweep_is_noted() -> None:
    """It is whole once every vault of the settings is, and an older one never moves it back."""
    on = stage(vaults=BOTH)
    tick = begin(on)
    before = fleet(on).last_sweep
    step(on, tick)
    assert fleet(on).last_sweep == before == THREE
    step(on, tick, WATCHED)
    assert fleet(on).last_sweep == tick
    step(on, THREE)
    assert fleet(on).last_sweep == tick


def test_a_sweep_of_some_vaults_is_not_a_whole_one() -> None:
    """A tick that only one vault has a row of, after its mode changed, is no whole sweep of the fleet."""
    on = stage(vaults=BOTH)
    on.tables.sweeps.insert(VaultWalk(tick=on.now, vault=ORDERS, asked_by="mode"))
    step(on, on.now)
    assert walk_of(on, on.now).state is WalkState.WHOLE
    assert fleet(on).last_sweep == THREE


def test_numbers_come_from_the_rows() -> None:
    """A sweep's totals are sums over its walks."""
    rows = [
        VaultWalk(tick=NOW, vault="a", seen=3, checked=2, skipped={"first seen": 1}, queued=1, findings=4),
        VaultWalk(tick=NOW, vault="b", seen=5, checked=4, failed=1),
    ]
    assert totals(rows) == {
        "seen": 8,
        "checked": 6,
        "skipped": 1,
        "items_failed": 1,
        "looks": 1,
        "findings": 4,
    }


def due_fleet() -> Stage:
    """Return an observed vault: one certificate due, two not, one that is left to die."""
    on = stage(vaults={WATCHED: Mode.OBSERVE})
    put(on, "old", vault=WATCHED, left=20 * DAY)
    put(on, "young-1", "young-2", vault=WATCHED)
    policy = IssuancePolicy(issuer="Self", subject="CN=x", names=("x",))
    on.vaults.import_certificate(
        CertificateRef(WATCHED, "never"),
        NOW - 70 * DAY,
        NOW + 20 * DAY,
        policy=policy,
        tags={"perennial-renew": "never"},
        quiet=True,
    )
    sweep_watched(on)
    on.run(HOUR)
    on.queues.sent.clear()
    return on


def sweep_watched(on: Stage) -> None:
    """Sweep, and let what follows happen."""
    on.sweep()
    on.run(5 * MINUTE)
    settled(on)


def test_another_mode_asks_for_a_walk_at_once() -> None:
    """Within minutes what would now decide otherwise is looked at, and only that; then nothing more."""
    on = due_fleet()
    reason = on.entry("old", WATCHED).reason
    assert reason is not None
    assert reason.code is ReasonCode.OBSERVED
    on.settings = replace(on.settings, vaults={WATCHED: Mode.RENEW})
    on.run(3 * MINUTE)
    causes = {(one.certificate.name, one.cause) for one, _ in on.queues.sent if isinstance(one, Look)}
    assert {one for one in causes if one[1] == "sweep: mode"} == {("old", "sweep: mode")}
    assert len(on.vaults.versions(CertificateRef(WATCHED, "old"))) == 2
    assert walks(on, WATCHED)[0].asked_by == "mode"
    assert vault_row(on, WATCHED).mode_seen == Mode.RENEW
    on.queues.sent.clear()
    on.run(30 * MINUTE)
    assert sent_walks(on) == []
    settled(on)


def test_a_vault_that_is_not_walked_is_its_own_finding() -> None:
    """After 36 hours it opens and is told, once; a whole walk resolves it."""
    on = stage(*named(3))
    walked = vault_row(on).whole_walk
    assert walked is not None
    on.vaults.close(ORDERS)
    on.run(walked + timedelta(hours=36) - on.now)
    assert vault_finding(on) is None
    on.run(2 * HOUR)
    finding = vault_finding(on)
    assert finding is not None
    assert finding.state == "open"
    assert len(on.told("finding-opened", about=f"{ORDERS}:")) == 1
    on.vaults.open(ORDERS)
    on.run(DAY)
    finding = vault_finding(on)
    assert finding is not None
    assert finding.state == "resolved"
    assert len(on.told("finding-resolved", about=f"{ORDERS}:")) == 1


def test_walks_keep_what_the_lifetimes_ask_for() -> None:
    """`expected` is the sum over the managed of one day by the renewal period, vault by vault; the observed ask for nothing."""
    on = stage(vaults=BOTH)
    put(on, *named(30))
    put(on, *named(30), vault=WATCHED)
    sweep(on)
    sweep(on)
    assert fleet(on).expected[ORDERS] == pytest.approx(30 / 58.5, rel=0.05)  # due with 30 to 34.5 of 90 days left
    assert fleet(on).expected[WATCHED] == 0
