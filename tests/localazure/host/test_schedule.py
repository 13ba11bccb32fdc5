"""Schedules: what NCRONTAB means, and what is refused because Azure refuses it or reads it otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from localazure.host.schedule import BadSchedule, parse_schedule

NOW = datetime(2026, 3, 4, 12, 0, 30, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("text", "next_one"),
    [
        ("0 */5 * * * *", "2026-03-04 12:05:00"),
        ("*/5 * * * *", "2026-03-04 12:05:00"),
        ("*/10 * * * * *", "2026-03-04 12:00:40"),
        ("30 0 12 * * *", "2026-03-05 12:00:30"),
        ("0 0 3 * * MON", "2026-03-09 03:00:00"),
        ("0 0 3 * * mon-wed", "2026-03-09 03:00:00"),
        ("0 0 3 * * 0", "2026-03-08 03:00:00"),
        ("0 0 0 1 JAN *", "2027-01-01 00:00:00"),
        ("0 5/20 * * * *", "2026-03-04 12:05:00"),
        ("0 10-10 * * * *", "2026-03-04 12:10:00"),
        ("0 0 1,13-14 * * *", "2026-03-04 13:00:00"),
        ("0 0 3 29 2 *", "2028-02-29 03:00:00"),
    ],
)
def test_the_next_occurrence(text: str, next_one: str) -> None:
    """Six fields start with seconds, five with minutes; it is later than the instant given, in UTC."""
    assert parse_schedule(text, NOW).after(NOW) == datetime.fromisoformat(next_one).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("* * * *", "4 fields"),
        ("", "0 fields"),
        ("@daily", "1 fields"),
        ("0 0 3 ? * *", "does not know '?'"),
        ("0 0 3 L * *", "does not know 'L'"),
        ("0 0 3 15W * *", "does not know '15W'"),
        ("0 0 3 * * MON#1", "does not know 'MON#1'"),
        ("0 0 3 * * 5L", "does not know '5L'"),
        ("0 0 3 * * 7", "Sunday is 0"),
        ("0 0 3 * * 5-7", "Sunday is 0"),
        ("0 0 3 1 * MON", "the day and the weekday"),
        ("0 0 3 * * 1/2", "steps of weekdays"),
        ("0 10-10/5 * * * *", "the step"),
        ("0 0 3 30 2 *", "day"),
        ("0 61 * * * *", "Bad minute"),
        ("0 30-10 * * * *", "Bad minute"),
        ("0 */0 * * * *", "Bad minute"),
        ("0 0 3 * * WEDNESDAY", "does not know"),
        ("00:05:00", "time span"),
        ("1.00:00:00", "time span"),
    ],
)
def test_a_schedule_that_is_refused(text: str, why: str) -> None:
    """The message holds the schedule and the reason."""
    with pytest.raises(BadSchedule, match=why) as refused:
        parse_schedule(text, NOW)
    assert f"'{text}'" in str(refused.value)


def test_sunday_is_not_in_every_second_weekday_twice() -> None:
    """`*/2` means Sunday, Tuesday, Thursday, Saturday."""
    schedule, days, instant = parse_schedule("0 0 0 * * */2", NOW), [], NOW
    for _ in range(5):
        instant = schedule.after(instant)
        days.append(instant.strftime("%a"))
    assert days == ["Thu", "Sat", "Sun", "Tue", "Thu"]


@pytest.mark.parametrize(
    ("text", "monitored"), [("0 * * * * *", True), ("*/30 * * * * *", False), ("0,59 * * * * *", False)]
)
def test_only_schedules_of_a_minute_and_more_are_monitored(text: str, monitored: bool) -> None:
    """One pair of close occurrences is enough to leave a schedule unmonitored."""
    assert parse_schedule(text, NOW).is_at_least_every_minute_apart(NOW + timedelta(seconds=3)) is monitored
