"""What is written of a certificate that is gone, and what is said to whom."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from perennial.errors import Changed
from perennial.model.findings import Finding, Severity
from perennial.model.history import HistoryKind, Record
from perennial.model.inventory import Entry
from perennial.model.mode import Mode
from perennial.model.reasons import Reason, ReasonCode
from perennial.ports.tables import Stored
from perennial.workflows.gone import FIX, NEVER, mark_gone
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW, WWW, stage
from tests.workflows.racing import Over, raced
from tests.workflows.rows import rewrite_vault, stored, written

MINUTE = timedelta(minutes=1)


def known(*, baseline_told: bool = True) -> tuple[Stage, Stored[Entry]]:
    """Return a stage with a certificate that was looked at, a finding of it, and its row."""
    on = stage(left=60 * DAY, events=False)
    on.look("www")
    rewrite_vault(on, baseline_told=baseline_told)
    finding = Finding(vault=WWW.vault, certificate="www", rule="x", severity=Severity.LOW, opened=NOW, last_seen=NOW)
    on.tables.findings.put(finding)
    return on, stored(on)


def test_what_stands_in_the_row() -> None:
    """Since when, left alone by its own reason, and never looked at again."""
    on, stored = known()
    on.now = NOW + HOUR
    after = mark_gone(on.world(), stored).value
    assert after == on.entry("www")
    assert (after.gone, after.read_at, after.next_check, after.since) == (on.now, on.now, NEVER, on.now)
    assert (after.decision, after.reason) == ("leave-alone", Reason(ReasonCode.GONE))


def test_until_all_is_done_it_is_due_again_in_a_minute() -> None:
    """The instant is saved first: a death in between leaves a row that a look goes on with."""
    on, stored = known()
    seen: list[tuple[datetime | None, datetime]] = []

    class Noted(Over[Record]):
        """A history that notes how the row stands when it is written."""

        def put(self, row: Record) -> None:
            """Note it."""
            seen.append((on.entry("www").gone, on.entry("www").next_check))
            super().put(row)

    on.tables = replace(on.tables, history=Noted(on.tables.history))
    mark_gone(on.world(), stored)
    assert seen == [(NOW, NOW + MINUTE)]


def test_what_is_written_and_told() -> None:
    """One record and one notice under that instant, the finding resolved; a repeat adds nothing."""
    on, stored = known()
    version = on.entry("www").version
    assert version is not None
    first = mark_gone(on.world(), stored)
    on.now = NOW + HOUR
    again = replace(first, value=replace(first.value, next_check=NOW + MINUTE))  # it died before the last write
    after = mark_gone(on.world(), again)
    assert after.value.gone == NOW
    assert mark_gone(on.world(), after) is after
    (row,) = [one for one in on.history("www") if one.kind is HistoryKind.GONE]
    assert (row.at, row.version) == (NOW, version.id)
    (data,) = [one for one in written(on, "action-needed") if one["code"] == "gone"]
    assert (data["reason"], data["fix"]) == (Reason(ReasonCode.GONE).sentence, FIX)
    assert (data["since"], data["version"]) == ("2026-11-24T12:00:00Z", version.id)
    assert sorted(str(one["rule"]) for one in written(on, "finding-resolved")) == ["no-owner", "x"]


def test_gone_again_later_is_another_record_and_another_notice() -> None:
    """Each instant is its own."""
    on, stored = known()
    first = mark_gone(on.world(), stored)
    on.now = NOW + HOUR
    mark_gone(on.world(), replace(first, value=replace(first.value, gone=None)))
    assert [one.at for one in on.history("www") if one.kind is HistoryKind.GONE] == [NOW + HOUR, NOW]
    assert len([one for one in written(on, "action-needed") if one["code"] == "gone"]) == 2


def test_before_the_vaults_summary_findings_end_silently() -> None:
    """They were never told of either."""
    on, stored = known(baseline_told=False)
    mark_gone(on.world(), stored)
    assert written(on, "finding-resolved") == []


@pytest.mark.parametrize(
    ("mode", "columns", "tells"),
    [
        (Mode.RENEW, {}, True),
        (Mode.RENEW, {"tags": {"perennial-renew": "never"}}, False),
        (Mode.RENEW, {"version": None}, False),
        (Mode.OBSERVE, {}, False),
        (None, {}, False),
    ],
)
def test_a_person_is_told_of_what_was_managed(mode: Mode | None, columns: dict[str, Any], tells: bool) -> None:
    """And had a version; not of what was only observed, or of a vault that is no longer ours."""
    on, stored = known()
    on.settings = replace(on.settings, vaults={WWW.vault: mode} if mode else {"kv-other": Mode.RENEW})
    row = replace(stored.value, **columns)
    mark_gone(on.world(), replace(stored, value=row))
    assert len([one for one in written(on, "action-needed") if one["code"] == "gone"]) == tells


def test_a_row_that_a_look_writes_meanwhile_is_the_looks() -> None:
    """Nothing is said of it."""
    on, stored = known()
    with pytest.raises(Changed):
        mark_gone(raced(on.world(), "inventory"), stored)
    assert on.entry("www").gone is None
    assert HistoryKind.GONE not in {one.kind for one in on.history("www")}


def test_its_line(caplog: pytest.LogCaptureFixture) -> None:
    """Which certificate, and its last version."""
    on, stored = known()
    with caplog.at_level(logging.INFO, logger="perennial"):
        mark_gone(on.world(), stored)
    version = on.entry("www").version
    assert version is not None
    lines = [json.loads(text) for text in caplog.messages]
    assert {"event": "gone", "certificate": str(WWW), "version": version.id} in lines
