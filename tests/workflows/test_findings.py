"""Findings over time: one row each, each change told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.compliance.engine import RULE_FAILED
from perennial.model.findings import Finding, Found, Severity
from perennial.model.notices import Delivery, NoticeKind
from perennial.workflows import findings
from perennial.workflows.world import World
from tests.memory.death import Death, Reaper
from tests.memory.tables import MemoryTable
from tests.workflows.telling import DAY, HOUR, WEB, Scene

SUBJECT = (WEB.vault, WEB.name)
WEAK = Found(rule="weak-key", severity=Severity.HIGH, evidence={"key_size": "1024"}, fix="renew it")
LOST = Found(rule="no-owner", severity=Severity.LOW)


def scene() -> Scene:
    """Return a scene with one subscription to everything."""
    made = Scene()
    made.subscribe("ops")
    return made


def bring(scene: Scene, *found: Found, silent: bool = False, world: World | None = None) -> int:
    """Reconcile at the scene's instant."""
    return findings.reconcile(world or scene.world, SUBJECT, found, silent=silent, owner="team-a")


def row(scene: Scene, rule: str = "weak-key") -> Finding:
    """Return a finding's row."""
    stored = scene.tables.findings.get(WEB.vault, f"{WEB.name}:{rule}")
    assert stored is not None
    return stored.value


def told(scene: Scene) -> list[tuple[NoticeKind, str]]:
    """Return kind and id of all that was told."""
    return sorted((delivery.kind, delivery.notice) for delivery in scene.deliveries())


def kinds(scene: Scene) -> list[NoticeKind]:
    """Return the kinds of all that was told."""
    return [kind for kind, _ in told(scene)]


def writes(scene: Scene) -> int:
    """Return how many rows of findings were written."""
    table = scene.tables.findings
    assert isinstance(table, MemoryTable)
    return table._rows.writes


def test_a_finding_opens_once_and_is_told_once() -> None:
    """The first sight writes a row and tells; the next ones tell nothing."""
    at = scene()
    assert bring(at, WEAK, LOST) == 2
    assert bring(at, WEAK, LOST) == 2
    assert kinds(at) == [NoticeKind.FINDING_OPENED] * 2
    assert (row(at).state, row(at).times, row(at).owner, row(at).untold) == ("open", 1, "team-a", False)


def test_a_finding_that_stays_is_written_once_a_day() -> None:
    """`last_seen` moves only when it is older than a day, so a walk costs no write for each finding."""
    at = scene()
    bring(at, WEAK)
    before = writes(at)
    at.now += DAY - timedelta(seconds=1)
    bring(at, WEAK)
    assert writes(at) == before
    at.now += timedelta(seconds=1)
    bring(at, WEAK)
    assert writes(at) == before + 1
    assert row(at).last_seen == at.now


def test_a_finding_that_changes_is_written_and_not_told_again() -> None:
    """New evidence or another severity goes into the row at once."""
    at = scene()
    bring(at, WEAK)
    bring(at, replace(WEAK, severity=Severity.CRITICAL, evidence={"key_size": "512"}))
    assert (row(at).severity, row(at).evidence) == (Severity.CRITICAL, {"key_size": "512"})
    assert kinds(at) == [NoticeKind.FINDING_OPENED]


def test_a_finding_resolves_and_reopens_in_one_row() -> None:
    """Gone is told once; back is a new opening with its own notice, in the same row."""
    at = scene()
    for found in ((WEAK,), (), (), (WEAK,)):
        bring(at, *found)
        at.now += HOUR
    assert kinds(at) == [NoticeKind.FINDING_OPENED] * 2 + [NoticeKind.FINDING_RESOLVED]
    assert len(set(told(at))) == 3
    assert (row(at).state, row(at).times, row(at).resolved) == ("open", 2, None)


def test_before_the_first_summary_findings_open_silently() -> None:
    """A silent opening is not told; its resolution later is, since the summary counted it."""
    at = scene()
    bring(at, WEAK, silent=True)
    assert told(at) == []
    assert row(at).silent
    bring(at, WEAK)
    assert told(at) == []
    bring(at)
    assert kinds(at) == [NoticeKind.FINDING_RESOLVED]


def test_a_waived_finding_stays_and_is_not_told() -> None:
    """While it is waived nothing is told; when the waiver has ended and it still stands, it is."""
    at = scene()
    bring(at, WEAK, silent=True)
    stored = at.tables.findings.get(WEB.vault, f"{WEB.name}:weak-key")
    assert stored is not None
    at.tables.findings.save(replace(stored, value=replace(stored.value, waived_until=at.now + 2 * DAY)))
    for found in ((), (WEAK,), (WEAK,)):
        bring(at, *found)
        at.now += HOUR
    assert told(at) == []
    assert row(at).state == "open"
    at.now += 2 * DAY
    bring(at, WEAK)
    bring(at, WEAK)
    assert kinds(at) == [NoticeKind.FINDING_OPENED]


def test_a_rule_that_fails_resolves_nothing_of_its_own() -> None:
    """What a broken rule found before stays open; what other rules no longer find is resolved."""
    at = scene()
    bring(at, WEAK, LOST)
    bring(at, Found(rule=RULE_FAILED, severity=Severity.MEDIUM, evidence={"weak-key": "ValueError: x"}))
    assert row(at, "weak-key").state == "open"
    assert row(at, "no-owner").state == "resolved"


def test_a_neighbour_whose_name_begins_alike_keeps_its_findings() -> None:
    """The rows of `web` are not those of `web-2`."""
    at = scene()
    findings.reconcile(at.world, (WEB.vault, "web-2"), [WEAK], silent=True, owner="")
    bring(at)
    other = at.tables.findings.get(WEB.vault, "web-2:weak-key")
    assert other is not None
    assert other.value.state == "open"


def test_rows_that_were_read_before_and_changed_since_are_read_again() -> None:
    """A row that another look wrote meanwhile is neither overwritten nor told twice."""
    at = scene()
    stale = findings.rows_of(at.world, SUBJECT)
    bring(at, WEAK)
    findings.reconcile(at.world, SUBJECT, [WEAK], silent=False, owner="team-a", known=stale)
    assert kinds(at) == [NoticeKind.FINDING_OPENED]
    opened = findings.rows_of(at.world, SUBJECT)
    bring(at)
    findings.reconcile(at.world, SUBJECT, [], silent=False, owner="team-a", known=opened)
    assert kinds(at) == [NoticeKind.FINDING_OPENED, NoticeKind.FINDING_RESOLVED]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", range(1, 5))
@pytest.mark.parametrize("ending", [False, True])
def test_a_crash_between_row_and_notice_neither_loses_nor_doubles_it(step: int, after: bool, ending: bool) -> None:
    """Death at any effect of an opening or a resolution: the repeat, an hour later, tells it under the one id."""
    at = scene()
    found = () if ending else (WEAK,)
    if ending:
        bring(at, WEAK)
    kind = NoticeKind.FINDING_RESOLVED if ending else NoticeKind.FINDING_OPENED
    try:
        bring(at, *found, world=Reaper(at=step, after=after).around(at.world))
    except Death:
        at.now += HOUR
    bring(at, *found)
    bring(at, *found)
    mine: list[Delivery] = [one for one in at.deliveries() if one.kind is kind]
    assert len(mine) == 1
    assert row(at).state == ("resolved" if ending else "open")
    assert not row(at).untold


def test_a_crash_of_an_opening_that_is_over_tells_both() -> None:
    """An opening that a crash left untold is told before its resolution."""
    at = scene()
    with pytest.raises(Death):
        bring(at, WEAK, world=Reaper(at=1, after=True).around(at.world))
    assert row(at).untold
    bring(at)
    assert kinds(at) == [NoticeKind.FINDING_OPENED, NoticeKind.FINDING_RESOLVED]
