"""The fleet's switch is turned by a person with a reason; a vault's mode is a setting."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pytest

from perennial.model.inventory import FleetRow
from perennial.model.reasons import Reason, ReasonCode
from perennial.ports.tables import FLEETS, Query, Stored
from perennial.workflows import sight
from tests.api.calling import Api
from tests.api.stocking import DAY, NOW, WEB, stock
from tests.memory.tables import MemoryTable
from tests.memory.world import make_world
from tests.workflows.racing import raced

OFF = {"mode": "observe", "reason": "CA incident"}
ON = {"mode": "as-set", "reason": "understood"}


def test_vaults_are_as_set_at_first() -> None:
    """Without a turn of the switch each vault is as its setting says."""
    found = Api(make_world(NOW)).call("get_mode")
    assert found.body == {
        "mode": "as-set",
        "reason": None,
        "actor": None,
        "at": None,
        "vaults": [
            {"vault": "kv-orders", "setting": "renew", "now": "renew"},
            {"vault": "kv-watched", "setting": "observe", "now": "observe"},
        ],
    }


def test_observe_switches_every_vault_off_and_keeps_the_reason() -> None:
    """The switch is stored with reason, actor and time, and every vault is observed now."""
    world = make_world(NOW)
    found = Api(world).call("put_mode", body=OFF, actor="ada")
    assert (found.status, found.one("mode"), found.one("actor")) == (200, "observe", "api (ada)")
    assert (found.one("reason"), found.one("at")) == ("CA incident", "2026-11-24T08:00:00Z")
    assert found.one("vaults", 0) == {"vault": "kv-orders", "setting": "renew", "now": "observe"}
    assert sight.renewal_policy(world, "kv-orders", sight.fleet_row(world).value).switched_off == "CA incident"
    assert Api(world).call("get_mode").body == found.body


def test_as_set_switches_back_and_lets_what_waited_be_looked_at_now() -> None:
    """What is due and waits for the switch has its next check now; what is not due, or waits for something else, keeps its own."""
    world = make_world(NOW)
    Api(world).call("put_mode", body=OFF)
    waits, later = stock(world, left=20 * DAY), stock(world, replace(WEB, name="later"))
    never = stock(world, replace(WEB, name="never"), left=20 * DAY, tags={"perennial-renew": "never"})
    assert waits.reason
    assert waits.reason.code == "kill-switch"
    assert Api(world).call("put_mode", body=ON).one("mode") == "as-set"
    after = world.tables.inventory.get("kv-orders", "web")
    assert after
    assert after.value.next_check == NOW
    for other in (later, never):
        untouched = world.tables.inventory.get("kv-orders", other.certificate)
        assert untouched
        assert untouched.value == other


def test_a_turn_needs_a_reason_and_a_mode_there_is() -> None:
    """A missing or empty reason and another word than observe or as-set are refused by field."""
    api = Api(make_world(NOW))
    assert api.call("put_mode", body={"mode": "observe"}).one("field") == "reason"
    assert api.call("put_mode", body=OFF | {"reason": "  "}).one("field") == "reason"
    assert api.call("put_mode", body=OFF | {"mode": "renew"}).one("field") == "mode"
    assert api.call("get_mode").one("mode") == "as-set"


class Busy(MemoryTable[FleetRow]):
    """The fleet's row, which somebody else writes just before each of our first saves."""

    rivals = 2

    def save(self, row: Stored[FleetRow]) -> Stored[FleetRow]:
        """Let the rival be quicker."""
        if self.rivals:
            self.rivals -= 1
            super().put(replace(row.value, switch_off="", renewals_today=row.value.renewals_today + 1))
        return super().save(row)


def test_a_turn_survives_others_who_write_the_row() -> None:
    """The row is read again until the switch stands; what others wrote is kept."""
    world = make_world(NOW)
    busy = Busy(FLEETS)
    world = replace(world, tables=replace(world.tables, fleet=busy))
    assert Api(world).call("put_mode", body=OFF).status == 200
    row = sight.fleet_row(world).value
    assert (row.switch_off, row.renewals_today) == ("CA incident", 2)


def test_a_row_that_others_never_leave_alone_is_a_conflict() -> None:
    """After a few tries the caller is told to send it again, and nothing is done."""
    world = make_world(NOW)
    busy = Busy(FLEETS)
    busy.rivals = 1000
    found = Api(replace(world, tables=replace(world.tables, fleet=busy))).call("put_mode", body=OFF)
    assert (found.status, found.headers["Retry-After"]) == (409, "1")


def test_a_turn_is_a_warning_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Who turned it, to what, and why."""
    Api(make_world(NOW)).call("put_mode", body=OFF, actor="ada")
    (line,) = [one for one in caplog.records if "mode" in one.getMessage()]
    assert line.levelno == logging.WARNING
    said = {"event": "mode", "mode": "observe", "actor": "api (ada)", "reason": "CA incident"}
    assert json.loads(line.getMessage()) == said


def test_only_what_is_due_and_waits_for_the_switch_is_woken() -> None:
    """What is due later, or waits without a reason, keeps its clock; one that a look is at work on holds up no other."""
    world = make_world(NOW)
    waits = Reason(ReasonCode.KILL_SWITCH, {"why": "CA incident"})
    for name, columns in (
        ("due", {"due_at": NOW, "reason": waits}),
        ("later", {"due_at": NOW + DAY, "reason": waits}),
        ("plain", {"due_at": NOW, "reason": None}),
        ("aaa", {"due_at": NOW, "reason": waits}),
    ):
        entry = stock(world, replace(WEB, name=name))
        world.tables.inventory.put(replace(entry, **columns))
    busy = raced(world, "inventory")
    assert Api(busy).call("put_mode", body=ON).status == 200
    rows = {one.value.certificate: one.value.next_check for one in world.tables.inventory.select(Query()).items}
    assert {name for name, at in rows.items() if at == NOW} == {"due"}
