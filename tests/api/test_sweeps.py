"""Sweeps are shown newest first with counts computed from their rows; a person may start one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from perennial.model.history import VaultWalk, WalkState
from perennial.workflows.world import World
from tests.api.calling import Api
from tests.api.stocking import DAY, NOW
from tests.memory.queue import MemoryQueues
from tests.memory.world import make_world


def walked(world: World, tick: datetime, vault: str, state: WalkState = WalkState.WHOLE, **changes: Any) -> None:
    """Put a vault's walk."""
    facts: dict[str, Any] = {"started": tick, "ended": tick + timedelta(seconds=9), "seen": 10, "checked": 9}
    world.tables.sweeps.put(VaultWalk(tick=tick, vault=vault, state=state, **(facts | changes)))


def test_a_runs_numbers_are_the_sum_of_its_rows() -> None:
    """Seen, checked, skipped by why, failed; and each vault's own."""
    world = make_world(NOW)
    walked(world, NOW, "kv-orders", skipped={"gone": 1}, findings=2)
    walked(world, NOW, "kv-watched", skipped={"gone": 2, "unfinished": 1}, queued=4, failed=1)
    run = Api(world).call("list_sweeps").one("items", 0)
    assert {name: run[name] for name in ("seen", "checked", "failed", "queued", "findings")} == {
        "seen": 20,
        "checked": 18,
        "failed": 1,
        "queued": 4,
        "findings": 2,
    }
    assert (run["skipped"], run["vault_states"], run["state"]) == ({"gone": 3, "unfinished": 1}, {"whole": 2}, "whole")
    assert [walk["vault"] for walk in run["vaults"]] == ["kv-orders", "kv-watched"]


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ([WalkState.WHOLE, WalkState.WHOLE], "whole"),
        ([WalkState.WHOLE, WalkState.FAILED], "failed"),
        ([WalkState.WHOLE, WalkState.OVERTAKEN], "overtaken"),
        ([WalkState.FAILED, WalkState.WALKING], "walking"),
        ([WalkState.WHOLE, WalkState.QUEUED], "walking"),
    ],
)
def test_a_run_is_as_its_worst_vault_once_all_have_ended(states: list[WalkState], state: str) -> None:
    """While one is being walked the run goes on and has no end."""
    world = make_world(NOW)
    for vault, one in zip(("kv-orders", "kv-watched"), states, strict=True):
        walked(world, NOW, vault, one, error="no" if one is WalkState.FAILED else "", fix="")
    run = Api(world).call("list_sweeps").one("items", 0)
    assert (run["state"], run["ended"] is None) == (state, state == "walking")


def test_runs_are_newest_first_and_paged_by_run() -> None:
    """A page holds whole runs; a row that is written late does not open its run a second time."""
    world = make_world(NOW)
    for back in range(5):
        for vault in ("kv-a", "kv-b"):
            walked(world, NOW - back * DAY, vault)
    first = Api(world).call("list_sweeps", limit="2")
    walked(world, NOW - DAY, "kv-c")
    walked(world, NOW + DAY, "kv-a")
    rest = Api(world).call("list_sweeps", cursor=first.one("next"))
    ticks = [run["tick"][:10] for run in first.one("items") + rest.one("items")]
    assert ticks == ["2026-11-24", "2026-11-23", "2026-11-22", "2026-11-21", "2026-11-20"]
    assert rest.one("next") is None
    assert all(len(run["vaults"]) == 2 for run in first.one("items"))


def test_a_person_starts_a_sweep() -> None:
    """202: a row for each vault with who asked, and a message each."""
    world = make_world(NOW)
    found = Api(world).call("start_sweep", body={"reason": "role given back"}, actor="ada")
    assert (found.status, found.one("tick"), found.one("vaults")) == (
        202,
        "2026-11-24T08:00:00Z",
        ["kv-orders", "kv-watched"],
    )
    assert found.headers == {"Location": "/api/sweeps"}
    run = Api(world).call("list_sweeps").one("items", 0)
    assert (run["asked_by"], run["vault_states"]) == ("api (ada): role given back", {"queued": 2})
    assert isinstance(world.queues, MemoryQueues)
    assert sorted(walk.vault for walk in world.queues.walks) == ["kv-orders", "kv-watched"]


def test_a_sweep_needs_no_body() -> None:
    """An empty body will do; an unknown member will not."""
    world = make_world(NOW)
    assert Api(world).call("start_sweep").status == 202
    assert Api(world).call("start_sweep", body={"vault": "kv-orders"}).one("field") == "vault"


def test_without_a_sweep_the_list_is_empty() -> None:
    """No run, no next page."""
    assert Api(make_world(NOW)).call("list_sweeps").body == {"items": [], "next": None}
