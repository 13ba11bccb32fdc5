"""When a schedule last fired."""

from __future__ import annotations

from datetime import datetime, timedelta

from cronsim import CronSim


def newest_tick(schedule: str, now: datetime) -> datetime:
    """Return the newest tick at or before an instant (aware UTC, whole seconds) of a six-field schedule."""
    return next(CronSim(schedule, now + timedelta(seconds=1), reverse=True))
