"""Playing a seed: the fleet, its people, its weather; and what is said when a promise breaks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.simulation.cast import Size
from tests.simulation.fleet import Fleet
from tests.simulation.people import People
from tests.simulation.weather import Weather

LOGGER = logging.getLogger("perennial")


def play(seed: int, size: Size, sabotage: Callable[[Fleet], None] | None = None, *, jumps: bool = True) -> Fleet:
    """Play a seed to its end and return the fleet as it stands then. Raises Violation where a promise is not kept."""
    fleet = Fleet(seed, size)
    fleet.jumps = jumps
    people = People(fleet)
    people.begin_their_days()
    Weather(fleet, people).begin()
    if sabotage is not None:
        sabotage(fleet)
    with quiet():
        try:
            fleet.play()
        except Exception as failure:
            failure.add_note(f"seed {seed}, {size}, at {fleet.now}")
            raise
    return fleet


@contextmanager
def quiet() -> Iterator[None]:
    """Write no log meanwhile: a million warnings that nobody reads."""
    before = LOGGER.level
    LOGGER.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        LOGGER.setLevel(before)
