"""A finding's row, column by column, and what a waiver or another's write changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.errors import Changed
from perennial.model.findings import Finding, Found, Severity
from perennial.model.notices import NoticeKind
from perennial.ports.tables import Stored
from perennial.workflows import findings
from tests.workflows.racing import raced
from tests.workflows.telling import DAY, HOUR, START, WEB, Scene
from tests.workflows.test_findings import LOST, SUBJECT, WEAK, bring, kinds, row, scene, writes

SECOND = timedelta(seconds=1)
OTHER = Found(rule="weak-key", severity=Severity.CRITICAL, evidence={"key_size": "512"}, fix="renew it now")


def waive(at: Scene, span: timedelta) -> None:
    """Let a person live with the finding for so long."""
    waived = replace(row(at), waived_until=at.now + span, waived_by="ada", waived_why="old")
    at.tables.findings.put(waived)


def found_otherwise(at: Scene, *, silent: bool = False) -> Finding:
    """Find it with all that a rule and an owner give changed; return its row, which holds all of that."""
    findings.reconcile(at.world, SUBJECT, [OTHER], silent=silent, owner="team-b")
    after = row(at)
    given = (after.severity, after.evidence, after.fix, after.owner)
    assert given == (OTHER.severity, OTHER.evidence, OTHER.fix, "team-b")
    return after


def test_what_a_new_finding_holds() -> None:
    """Since when, whose, how bad, with what evidence and fix; told, or silent."""
    for silent in (False, True):
        at = scene()
        bring(at, WEAK, silent=silent)
        assert row(at) == Finding(
            vault=WEB.vault,
            certificate=WEB.name,
            rule="weak-key",
            severity=Severity.HIGH,
            opened=START,
            last_seen=START,
            owner="team-a",
            evidence={"key_size": "1024"},
            fix="renew it",
            silent=silent,
        )


def test_what_changes_while_it_stays() -> None:
    """Each column that the rule or the owner gives, at once; not since when, nor how often."""
    at = scene()
    bring(at, WEAK)
    at.now += HOUR
    after = found_otherwise(at)
    assert (after.opened, after.last_seen, after.times, after.untold) == (START, at.now, 1, False)


@pytest.mark.parametrize("silent", [False, True])
def test_what_a_reopened_finding_holds(silent: bool) -> None:
    """As a new one, and how many times it has been."""
    at = scene()
    bring(at, WEAK)
    at.now += HOUR
    bring(at)
    assert (row(at).state, row(at).resolved, row(at).last_seen) == ("resolved", at.now, at.now)
    at.now += HOUR
    after = found_otherwise(at, silent=silent)
    assert (after.opened, after.last_seen, after.resolved, after.state) == (at.now, at.now, None, "open")
    assert (after.times, after.silent, after.untold) == (2, silent, False)
    assert kinds(at).count(NoticeKind.FINDING_OPENED) == (1 if silent else 2)


def test_a_waiver_ends_at_its_second() -> None:
    """Until then it is told nobody, opened or resolved; then it is told, and the row has no waiver any more."""
    at = scene()
    bring(at, WEAK, silent=True)
    waive(at, HOUR)
    at.now += HOUR - SECOND
    bring(at, WEAK)
    assert (kinds(at), row(at).waived_by) == ([], "ada")
    at.now += SECOND
    bring(at, WEAK)
    assert kinds(at) == [NoticeKind.FINDING_OPENED]
    assert (row(at).waived_until, row(at).waived_by, row(at).waived_why, row(at).untold) == (None, "", "", False)


@pytest.mark.parametrize(("left", "told"), [(SECOND, 0), (timedelta(0), 1)])
def test_a_waived_finding_that_ends_is_told_nobody(left: timedelta, told: int) -> None:
    """To the second of its waiver."""
    at = scene()
    bring(at, WEAK)
    waive(at, HOUR)
    at.now += HOUR - left
    bring(at)
    assert kinds(at).count(NoticeKind.FINDING_RESOLVED) == told
    assert row(at).state == "resolved"


def test_an_untold_opening_waits_for_the_end_of_its_waiver() -> None:
    """A crash left it untold; meanwhile a person lives with it."""
    at = scene()
    bring(at, WEAK)
    at.tables.findings.put(replace(row(at), untold=True, opened=START - DAY))
    waive(at, HOUR)
    bring(at, WEAK)
    assert row(at).untold
    assert len(kinds(at)) == 1
    at.now += HOUR
    bring(at, WEAK)
    assert not row(at).untold
    assert len(kinds(at)) == 2


def test_what_is_resolved_silently_is_told_nobody() -> None:
    """Its vault's summary is still to come."""
    at = scene()
    bring(at, WEAK, silent=True)
    bring(at, silent=True)
    assert kinds(at) == []
    assert row(at).state == "resolved"


def test_what_was_resolved_stays_so() -> None:
    """Not found again, nothing is written or told again."""
    at = scene()
    bring(at, WEAK)
    bring(at)
    before = writes(at)
    at.now += DAY
    assert bring(at) == 0
    assert writes(at) == before


def test_withdrawing_tells_nobody() -> None:
    """Closed now, also one that was still to be told."""
    at = scene()
    bring(at, WEAK, silent=True)
    at.tables.findings.put(replace(row(at), untold=True))
    stored = at.tables.findings.get(WEB.vault, f"{WEB.name}:weak-key")
    assert stored is not None
    at.now += HOUR
    findings.withdraw(at.world, stored)
    assert (row(at).state, row(at).resolved, row(at).untold) == ("resolved", at.now, False)
    assert kinds(at) == []


@pytest.mark.parametrize("times", [1, 3])
def test_a_row_that_others_write_is_read_again(times: int) -> None:
    """Up to three lost races; it is told once."""
    at = scene()
    bring(at, WEAK)
    at.now += DAY
    assert bring(at, WEAK, world=raced(at.world, "findings", times=times)) == 1
    assert row(at).last_seen == at.now
    assert kinds(at) == [NoticeKind.FINDING_OPENED]


def test_a_row_that_is_always_written_begins_the_look_again() -> None:
    """After four."""
    at = scene()
    bring(at, WEAK)
    at.now += DAY
    with pytest.raises(Changed, match=f"findings of {WEB.vault}/{WEB.name}"):
        bring(at, WEAK, world=raced(at.world, "findings", times=4))


def test_a_finding_that_another_opened_meanwhile_is_the_others() -> None:
    """What was read before does not show it: read again, and neither opened nor told twice."""
    at = scene()
    bring(at, WEAK)
    told = kinds(at)
    assert findings.reconcile(at.world, SUBJECT, [WEAK, LOST], silent=False, owner="team-a", known=()) == 2
    assert kinds(at) == [*told, NoticeKind.FINDING_OPENED]


def test_only_its_own_rows_are_a_subjects() -> None:
    """Those of its vault under its name; with no name, the vault's own."""
    at = scene()
    for vault, name in ((WEB.vault, "web"), (WEB.vault, "web-2"), (WEB.vault, ""), ("kv-other", "web")):
        made = Finding(vault=vault, certificate=name, rule="x", severity=Severity.LOW, opened=START, last_seen=START)
        at.tables.findings.put(made)

    def keys(subject: tuple[str, str]) -> list[tuple[str, str]]:
        """Return what is found of a subject."""
        rows: list[Stored[Finding]] = findings.rows_of(at.world, subject)
        return [(stored.value.vault, stored.value.certificate) for stored in rows]

    assert keys((WEB.vault, "web")) == [(WEB.vault, "web")]
    assert keys((WEB.vault, "")) == [(WEB.vault, "")]
