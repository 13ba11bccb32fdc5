"""Playing a seed: the fleet, its people, its weather; and what is said when a promise breaks."""

from __future__ import annotations

import logging
from collections.abc import Callable

from tests.simulation.cast import Size
from tests.simulation.fleet import Fleet
from tests.simulation.people import People
from tests.simulation.weather import Weather

LOGGER = logging.getLogger("perennial")


def play(seed: int, size: Size, sabotage: Callable[[Fleet], None] | None = None, *, jumps: bool = True) -> Fleet:
    """Play a seed to its end and return the fleet as it stands then. Raises Violation where a promise is not kept."""
    fleet = Fleet(seed, size)
    fleet.jumps = jumps
    Weather(fleet, People(fleet))
    if sabotage is not None:
        sabotage(fleet)
    before, LOGGER.level = LOGGER.level, logging.CRITICAL
    try:
        fleet.play()
    except Exception as failure:
        failure.add_note(f"seed {seed}, {size}, at {fleet.now}")
        raise
    finally:
        LOGGER.level = before
    return fleet
