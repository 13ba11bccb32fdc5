"""GET health: whether the clock and the sweep still turn. Anonymous, so it names nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from perennial.workflows import sight
from perennial.workflows.api import reading
from perennial.workflows.api.http import Request, Response
from perennial.workflows.world import World

FIND_DUE_STALE = timedelta(minutes=15)  # it runs every minute
SWEEP_STALE = timedelta(hours=36)  # it runs daily


def shown(request: Request, world: World) -> Response:
    """Tell how old the last find_due and the last whole sweep are; 503 when one is stale.

    Before the first of each its age is that of the fleet's row, which the first caller makes: a timer that never fires must be noticed too.
    """
    reading.query(request)
    fleet = sight.fleet_row(world).value
    beats = {
        "find_due": _beat(fleet.last_due, fleet.first_seen, FIND_DUE_STALE, world.now),
        "sweep": _beat(fleet.last_sweep, fleet.first_seen, SWEEP_STALE, world.now),
    }
    stale = any(beat["stale"] for beat in beats.values())
    return Response(503 if stale else 200, {"status": "stale" if stale else "alive", **beats})


def _beat(last: datetime | None, first_seen: datetime, most: timedelta, now: datetime) -> dict[str, object]:
    age = max(now - (last or first_seen), timedelta(0))
    return {
        "happened": last is not None,
        "age_seconds": int(age.total_seconds()),
        "stale_after_seconds": int(most.total_seconds()),
        "stale": age > most,
    }
