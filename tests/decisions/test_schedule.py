"""The newest tick of a schedule."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from perennial.decisions.schedule import newest_tick


def at(text: str) -> datetime:
    """Return an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "now", "tick"),
    [
        ("0 0 3 * * *", "2026-11-24T03:00:00", "2026-11-24T03:00:00"),
        ("0 0 3 * * *", "2026-11-24T02:59:59", "2026-11-23T03:00:00"),
        ("0 0 3 * * *", "2026-11-24T03:00:01", "2026-11-24T03:00:00"),
        ("0 0 3 * * 1", "2026-11-24T12:00:00", "2026-11-23T03:00:00"),
        ("0 0 3 1 * *", "2026-02-28T12:00:00", "2026-02-01T03:00:00"),
        ("*/20 * * * * *", "2026-11-24T03:00:59", "2026-11-24T03:00:40"),
        ("0 0 3 * * *", "2027-01-01T00:00:00", "2026-12-31T03:00:00"),
    ],
)
def test_the_newest_tick_is_the_last_at_or_before(schedule: str, now: str, tick: str) -> None:
    """A tick counts from its own second on, and until the next."""
    assert newest_tick(schedule, at(now)) == at(tick)
