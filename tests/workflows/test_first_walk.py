"""The summary of a vault's first whole walk: when it is told, and what it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from perennial.model.findings import Finding, Severity
from perennial.model.inventory import Entry, VaultRow
from perennial.workflows import vault_state
from perennial.workflows.baseline import FIX, LONGEST, summarize
from tests.memory.stage import Stage
from tests.workflows.looks import DAY, HOUR, NOW
from tests.workflows.racing import raced
from tests.workflows.rows import written

SECOND = timedelta(seconds=1)


def walked(looked_at: int = 3, rows: int = 3, /, *severities: Severity, **columns: Any) -> Stage:
    """Return a stage with a vault that was walked whole now, some of whose certificates were looked at."""
    on = Stage(NOW, events=False)
    on.subscribe()
    row = VaultRow(vault="kv-orders", first_seen=NOW, next_check=NOW, whole_walk=NOW, listed=rows)
    on.tables.vaults.put(replace(row, **columns))
    for number in range(rows):
        entry = Entry(vault="kv-orders", certificate=f"c{number}", first_seen=NOW, next_check=NOW, read_at=NOW)
        on.tables.inventory.put(replace(entry, decision="wait-until" if number < looked_at else ""))
    for number, severity in enumerate(severities):
        finding = Finding(
            vault="kv-orders", certificate=f"c{number}", rule="r", severity=severity, opened=NOW, last_seen=NOW
        )
        on.tables.findings.put(finding)
    return on


def summarized(on: Stage) -> bool:
    """Summarize, and tell whether the row says so."""
    summarize(on.world(), vault_state.row_of(on.world(), "kv-orders"))
    return vault_state.row_of(on.world(), "kv-orders").value.baseline_told


@pytest.mark.parametrize(
    ("looked_at", "columns", "done"),
    [
        (3, {}, True),
        (2, {}, False),
        (4, {"listed": 2}, True),
        (2, {"whole_walk": NOW - LONGEST}, True),
        (2, {"whole_walk": NOW - LONGEST + SECOND}, False),
        (3, {"whole_walk": None}, False),
    ],
)
def test_when_it_is_told(looked_at: int, columns: dict[str, Any], done: bool) -> None:
    """After a whole walk, when all that it listed was looked at, or two hours have passed."""
    on = walked(looked_at, 4 if "listed" in columns else 3, Severity.LOW, **columns)
    assert summarized(on) is done
    assert len(written(on)) == done


def test_what_is_gone_needs_no_look() -> None:
    """And rows of another vault are none of this one's."""
    on = walked(2, 3, Severity.LOW)
    on.tables.inventory.put(replace(on.entry("c2"), gone=NOW))
    on.tables.findings.put(
        Finding(vault="kv-other", certificate="x", rule="r", severity=Severity.HIGH, opened=NOW, last_seen=NOW)
    )
    assert summarized(on)
    assert written(on)[0]["facts"] == {"certificates": 3, "findings": {"low": 1}}
    on = walked(2, 3, Severity.LOW)
    on.tables.inventory.put(replace(on.entry("c0"), vault="kv-other"))
    assert not summarized(on)


def test_what_it_says() -> None:
    """How many of each severity, the worst first; only what is open; at the walk's time, and once."""
    on = walked(3, 3, Severity.LOW, Severity.HIGH, Severity.LOW)
    closed = Finding(
        vault="kv-orders",
        certificate="c0",
        rule="s",
        severity=Severity.HIGH,
        opened=NOW,
        last_seen=NOW,
        state="resolved",
    )
    on.tables.findings.put(closed)
    row = vault_state.row_of(on.world(), "kv-orders")
    for hours in (1, 2):
        on.now = NOW + hours * HOUR
        summarize(on.world(), row)  # the second finds the row written meanwhile, as after a crash
    (data,) = written(on)
    assert data["reason"] == "first walked whole: 3 certificates, 3 findings (1 high, 2 low)"
    assert data["facts"] == {"certificates": 3, "findings": {"high": 1, "low": 2}}
    assert (data["code"], data["vault"], data["fix"]) == ("first-walk", "kv-orders", FIX)
    assert data["since"] == "2026-11-24T12:00:00Z"


def test_nothing_is_told_where_nothing_was_found_or_twice() -> None:
    """The row says that it is done; a row that another wrote is summarized the next minute."""
    on = walked(3, 3)
    assert summarized(on)
    assert written(on) == []
    on = walked(3, 3, Severity.LOW, baseline_told=True, whole_walk=NOW - DAY)
    assert summarized(on)
    assert written(on) == []
    on = walked(3, 3, Severity.LOW)
    summarize(raced(on.world(), "vaults"), vault_state.row_of(on.world(), "kv-orders"))
    assert not vault_state.row_of(on.world(), "kv-orders").value.baseline_told
    assert summarized(on)
    assert len(written(on)) == 1
