"""The plan says what would be renewed, when and why, and what blocks what, without a call to a vault."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from perennial.model.certificate import IssuancePolicy
from perennial.model.inventory import FleetRow
from perennial.model.mode import Mode
from perennial.model.reasons import ReasonCode
from perennial.workflows.api.remedies import REMEDIES
from perennial.workflows.world import World
from tests.api.calling import Answer, Api
from tests.api.stocking import DAY, NOW, WATCHED, WEB, stock
from tests.memory.vault import MemoryVaults
from tests.memory.world import SETTINGS, make_world


def planned(found: Answer, vault: str) -> dict[str, Any]:
    """Return a vault's part of the plan."""
    return next(part for part in found.one("vaults") if part["vault"] == vault)


def blocked_by(world: World) -> list[str]:
    """Return what blocks the one certificate in the plan."""
    found = Api(world).call("plan")
    codes = [block["code"] for block in found.one("blocked")]
    assert all(block["what_to_do"] for block in found.one("blocked"))
    return codes


def test_what_is_due_stands_under_now_and_the_rest_under_its_day() -> None:
    """Due today, due in the next 30 days by day, and nothing of what is due later."""
    world = make_world(NOW)
    due = stock(world, WEB, left=50 * DAY)
    soon = stock(world, replace(WEB, name="soon"), left=115 * DAY)
    stock(world, replace(WEB, name="later"), left=250 * DAY)
    found = Api(world).call("plan")
    part = planned(found, "kv-orders")
    assert [item["certificate"] for item in part["now"]] == ["web"]
    assert part["now"][0]["reason"]["sentence"].startswith("due since")
    assert due.due_at
    assert soon.due_at
    assert [(day["day"], day["count"]) for day in part["days"]] == [(soon.due_at.date().isoformat(), 1)]
    assert found.one("totals") == {"now": 1, "later": 1, "blocked": 0}


def test_the_plan_asks_no_vault() -> None:
    """It is made from the rows alone."""
    vaults = MemoryVaults(lambda: NOW)
    calls: list[str] = []
    vaults.on_call = lambda method, vault, name: calls.append(method)
    world = make_world(NOW, vaults=vaults)
    stock(world, left=50 * DAY)
    Api(world).call("plan")
    assert calls == []


def test_an_observed_certificate_is_planned_and_blocked() -> None:
    """It would be renewed; what blocks it is its vault's mode, with what to do."""
    world = make_world(NOW)
    stock(world, WATCHED, left=50 * DAY)
    found = Api(world).call("plan")
    assert planned(found, "kv-watched")["now"][0]["blocked_by"] == ["observed"]
    assert found.one("blocked", 0, "certificates", 0, "certificate") == "intranet"
    assert found.one("totals") == {"now": 0, "later": 0, "blocked": 1}


def test_todays_setting_counts_not_the_rows_memory_of_it() -> None:
    """A vault that was switched on is no longer blocked, although its rows still say observed; the other way round too."""
    world = make_world(NOW)
    stock(world, WATCHED, left=50 * DAY)
    renewing = replace(SETTINGS, vaults={"kv-watched": Mode.RENEW})
    assert blocked_by(replace(world, settings=renewing)) == []
    stock(replace(world, settings=renewing), WATCHED, left=50 * DAY)
    assert blocked_by(world) == ["observed"]


@pytest.mark.parametrize(
    ("tags", "codes"),
    [
        ({}, []),
        ({"perennial-renew": "never"}, ["never"]),
        ({"perennial-pause-until": "2027-01-01"}, ["paused"]),
        ({"perennial-pause-until": "2026-11-01"}, []),
        ({"acmebot": "yes"}, ["foreign-manager"]),
    ],
)
def test_tags_block(tags: dict[str, str], codes: list[str]) -> None:
    """never, a pause that outlasts the due date, and a foreign manager block; a pause that has ended does not."""
    world = make_world(NOW)
    stock(world, left=50 * DAY, tags=tags)
    assert blocked_by(world) == codes


def test_a_persons_pause_blocks_until_the_emergency_floor() -> None:
    """A pause through the API blocks; under the floor it does not."""
    world = make_world(NOW)
    stock(world, left=50 * DAY, paused_until=NOW + DAY)
    assert blocked_by(world) == ["paused"]
    stock(world, left=20 * DAY, paused_until=NOW + DAY)
    assert blocked_by(world) == []


def test_the_switch_and_the_brake_block() -> None:
    """The switch blocks all, the brake what is due today; under the floor the brake blocks nothing."""
    world = make_world(NOW)
    stock(world, left=50 * DAY)
    world.tables.fleet.put(FleetRow(first_seen=NOW, next_check=NOW, switch_off="incident"))
    assert blocked_by(world) == ["kill-switch"]
    assert Api(world).call("plan").one("switch") == {"mode": "observe", "reason": "incident"}
    world.tables.fleet.put(FleetRow(first_seen=NOW, next_check=NOW, day=NOW.date(), renewals_today=20))
    assert blocked_by(world) == ["brake"]
    assert Api(world).call("plan").one("brake") == {"limit": 20, "begun_today": 20}
    stock(world, left=20 * DAY)
    assert blocked_by(world) == []


def test_yesterdays_count_does_not_brake_today() -> None:
    """The brake counts one UTC day."""
    world = make_world(NOW)
    stock(world, left=50 * DAY)
    world.tables.fleet.put(FleetRow(first_seen=NOW, next_check=NOW, day=(NOW - DAY).date(), renewals_today=20))
    assert blocked_by(world) == []


def test_what_waits_for_a_person_is_shown_however_far_its_due_date() -> None:
    """A certificate with a question to a person stands under what blocks, with the sentence."""
    world = make_world(NOW)
    mismatch = IssuancePolicy(issuer="Self", subject="CN=other.example", names=("other.example",), fingerprint="f")
    stock(world, left=290 * DAY, policy=mismatch)
    found = Api(world).call("plan")
    assert found.one("blocked", 0, "code") == "policy-does-not-match-certificate"
    assert "web.example" in found.one("blocked", 0, "certificates", 0, "sentence")
    assert planned(found, "kv-orders") == {"vault": "kv-orders", "mode": "renew", "now": [], "days": []}


@pytest.mark.parametrize("gone", [NOW - DAY, None])
def test_what_is_gone_is_not_planned(gone: datetime | None) -> None:
    """A deleted certificate has no place in the plan, although its row still says when it was due; one that is there has."""
    world = make_world(NOW)
    world.tables.inventory.put(replace(stock(world, left=50 * DAY), gone=gone))
    assert len(planned(Api(world).call("plan"), "kv-orders")["now"]) == (0 if gone else 1)


def test_a_pause_that_ends_before_the_due_date_blocks_nothing() -> None:
    """What is due in two weeks and paused until tomorrow will be renewed in two weeks."""
    world = make_world(NOW)
    stock(world, left=115 * DAY, paused_until=NOW + DAY)
    assert blocked_by(world) == []
    stock(world, left=115 * DAY, paused_until=NOW + 40 * DAY)
    assert blocked_by(world) == ["paused"]


def test_the_plan_of_one_vault() -> None:
    """The filter leaves the others out."""
    world = make_world(NOW)
    stock(world, left=50 * DAY)
    stock(world, WATCHED, left=50 * DAY)
    found = Api(world).call("plan", vault="kv-watched")
    assert [part["certificate"] for block in found.one("blocked") for part in block["certificates"]] == ["intranet"]
    assert planned(found, "kv-orders")["now"] == []


def test_every_blocking_reason_of_a_decision_has_a_remedy() -> None:
    """What a decision says when it leaves something alone or asks a person is explained."""
    waits = {"supervised", "not-due", "held", "in-progress", "paced"}
    goes_on = {
        "due",
        "suggested-by-ca",
        "revoked-by-ca",
        "drifted",
        "emergency-floor",
        "taken-over",
        "requested",
        "going-on",
    }
    ended = {"issued", "superseded"}
    assert {code.value for code in ReasonCode} - set(REMEDIES) == waits | goes_on | ended


def test_a_day_is_counted_in_utc() -> None:
    """The day of a due date is its UTC day, and the days are in order."""
    world = make_world(NOW)
    for number in range(12):
        stock(world, replace(WEB, name=f"c{number}"), left=timedelta(days=110 + number))
    days = [day["day"] for day in planned(Api(world).call("plan"), "kv-orders")["days"]]
    assert days == sorted(set(days))
    assert len(days) > 3
