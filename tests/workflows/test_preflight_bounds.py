"""What stands in the way of a hundred names at once still fits its row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perennial.adapters import codec
from perennial.errors import BadInput, IssuerError
from perennial.model.authority import Obstacle
from tests.workflows.looks import DAY
from tests.workflows.signed_stage import signed_stage
from tests.workflows.test_preflight import finding, seeing

FOUND = tuple(
    Obstacle(code="caa-forbids", what=f"CAA records for n{number} {'x' * 5000}", fix=f"add {'y' * 5000}")
    for number in range(100)
)


def test_many_obstacles_fit_a_row() -> None:
    """The first twenty, each cut short, and how many more there are; all of them would fail every look at its end."""
    on = signed_stage(first=seeing(*FOUND))
    on.look("www")
    on.run(2 * DAY)
    entry = on.entry("www")
    assert len(entry.obstacles) == 20
    assert {one.code for one in entry.obstacles} == {"caa-forbids"}
    assert entry.obstacles[0].what == FOUND[0].what[:400]
    assert entry.obstacles[0].fix == FOUND[0].fix[:400]
    assert entry.obstacles[-1].what.endswith("x (and 80 more)")
    codec.to_entity(entry, ("partition", "row"))
    codec.to_entity(finding(on), ("partition", "row"))
    with pytest.raises(BadInput):
        codec.to_entity(replace(entry, obstacles=FOUND), ("partition", "row"))


def test_twenty_obstacles_are_twenty() -> None:
    """None is said to be missing."""
    on = signed_stage(first=seeing(*FOUND[:20]))
    on.look("www")
    on.run(2 * DAY)
    assert [one.what for one in on.entry("www").obstacles] == [one.what[:400] for one in FOUND[:20]]


def test_a_fix_of_any_length_fits_a_row() -> None:
    """Parts of it may be a CA's own words."""
    assert IssuerError("refused", "no", fix="z" * 5000).fix == "z" * 1000
    assert IssuerError("refused", "no", fix="z" * 1000).fix == "z" * 1000
