"""The clock of what a notice is about is moved forward, never back."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from perennial.model.inventory import FLEET
from perennial.workflows import subjects
from tests.workflows.racing import raced
from tests.workflows.telling import FAR, HOUR, START, Scene

SOON = START + HOUR


def clocks(scene: Scene) -> dict[str, datetime]:
    """Return the clock of each subject."""
    entry = scene.tables.inventory.get("kv-orders", "web")
    vault = scene.tables.vaults.get("vault", "kv-orders")
    fleet = scene.tables.fleet.get(FLEET, FLEET)
    assert entry is not None
    assert vault is not None
    assert fleet is not None
    return {
        "kv-orders:web": entry.value.next_check,
        "kv-orders:": vault.value.next_check,
        ":": fleet.value.next_check,
    }


@pytest.mark.parametrize("subject", ["kv-orders:web", "kv-orders:", ":"])
def test_each_subject_has_a_clock_of_its_own(subject: str) -> None:
    """A certificate's row, a vault's, or the fleet's: the other two stay."""
    scene = Scene()
    subjects.bring_forward(scene.world, subject, SOON)
    assert clocks(scene) == {one: SOON if one == subject else FAR for one in clocks(scene)}


@pytest.mark.parametrize("later", [timedelta(0), timedelta(seconds=1)])
def test_a_clock_is_never_moved_back(later: timedelta) -> None:
    """One that comes as early already is not written."""
    scene = Scene()
    subjects.bring_forward(scene.world, "kv-orders:web", SOON)
    before = scene.tables.inventory.get("kv-orders", "web")
    subjects.bring_forward(scene.world, "kv-orders:web", SOON + later)
    assert scene.tables.inventory.get("kv-orders", "web") == before


def test_a_subject_without_a_row_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing can look at it."""
    scene = Scene()
    subjects.bring_forward(scene.world, "kv-orders:other", SOON)
    (line,) = caplog.records
    assert line.levelno == logging.WARNING
    said = json.loads(line.getMessage())
    assert said == {"event": "no-row-to-look-at", "partition": "kv-orders", "key": "other"}


@pytest.mark.parametrize(("times", "moved"), [(1, True), (4, True), (5, False)])
def test_a_lost_race_is_run_again_a_few_times(times: int, moved: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever writes the row as often as that looks at it now; that the clock stayed is a warning."""
    scene = Scene()
    world = raced(scene.world, "inventory", lambda row: replace(row, owner=f"{row.owner}x"), times=times)
    subjects.bring_forward(world, "kv-orders:web", SOON)
    assert clocks(scene)["kv-orders:web"] == (SOON if moved else FAR)
    expected = {
        "event": "next-check-not-lowered",
        "partition": "kv-orders",
        "key": "web",
        "instant": SOON.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    assert list(map(json.loads, caplog.messages)) == ([] if moved else [expected])


def test_a_race_with_a_clock_that_comes_earlier_ends_at_once() -> None:
    """What another wrote meanwhile counts."""
    scene = Scene()
    world = raced(scene.world, "inventory", lambda row: replace(row, next_check=START))
    subjects.bring_forward(world, "kv-orders:web", SOON)
    assert clocks(scene)["kv-orders:web"] == START
