"""A vault that the settings no longer name."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from perennial.ports.tables import Query
from perennial.workflows import dropped, vault_state
from tests.memory.stage import Stage
from tests.workflows.walking import BOTH, MINUTE, WATCHED, fleet, named, put, settled, stage, sweep, vault_row

HOUR = timedelta(hours=1)


def two() -> Stage:
    """Two vaults, walked and settled, with findings in each: nobody owns these certificates."""
    on = stage(*named(3), vaults=BOTH)
    put(on, *named(3), vault=WATCHED)
    sweep(on)
    settled(on)
    assert open_in(on, WATCHED) > 0
    return on


def open_in(on: Stage, vault: str) -> int:
    """Count a vault's open findings."""
    return len(on.tables.findings.select(Query(partition=vault, equal={"state": "open"})).items)


def test_findings_of_a_dropped_vault_close_and_nobody_is_told() -> None:
    """Nothing was mended, so nothing is said; the other vault's stay, and the brake no longer counts it."""
    on = two()
    others, told = open_in(on, "kv-orders"), len(on.told("finding-resolved"))
    on.settings = replace(on.settings, vaults={"kv-orders": BOTH["kv-orders"]})
    on.run(3 * MINUTE)
    assert (open_in(on, WATCHED), open_in(on, "kv-orders")) == (0, others)
    assert len(on.told("finding-resolved")) == told
    assert WATCHED not in fleet(on).expected
    assert vault_row(on, WATCHED).mode_seen == "dropped"


def test_a_vault_that_comes_back_is_walked_and_judged_again() -> None:
    """Its rows were kept: what was found opens again."""
    on = two()
    before = open_in(on, WATCHED)
    on.settings = replace(on.settings, vaults={"kv-orders": BOTH["kv-orders"]})
    on.run(3 * MINUTE)
    on.settings = replace(on.settings, vaults=BOTH)
    on.run(HOUR)
    assert open_in(on, WATCHED) == before
    assert vault_row(on, WATCHED).mode_seen == BOTH[WATCHED]


def let_go(on: Stage) -> None:
    """Let the watched vault go, as the fleet's clock does each minute."""
    dropped.let_go(on.world(), vault_state.row_of(on.world(), WATCHED))


def test_only_its_own_open_findings_close_and_once(caplog: pytest.LogCaptureFixture) -> None:
    """What had ended before keeps its end, another vault's stays open; the log says how many it were, and no second time."""
    on = two()
    first, *others = (row.value for row in on.tables.findings.select(Query(partition=WATCHED)).items)
    ended = replace(first, state="resolved", resolved=on.now - HOUR)
    on.tables.findings.put(ended)
    on.tables.findings.put(replace(first, vault="kv-orders"))
    mine = open_in(on, "kv-orders")
    assert mine > 0
    let_go(on)
    assert caplog.messages == []
    on.settings = replace(on.settings, vaults={"kv-orders": BOTH["kv-orders"]})
    with caplog.at_level("INFO", logger="perennial"):
        let_go(on)
        row = vault_row(on, WATCHED)
        let_go(on)
    assert (open_in(on, WATCHED), open_in(on, "kv-orders")) == (0, mine)
    assert ended in [row.value for row in on.tables.findings.select(Query(partition=WATCHED)).items]
    said = [one for one in map(json.loads, caplog.messages) if one["event"] == "vault-dropped"]
    assert said == [{"event": "vault-dropped", "vault": WATCHED, "findings": len(others)}]
    assert vault_row(on, WATCHED) == row
