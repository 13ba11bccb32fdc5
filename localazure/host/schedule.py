"""NCRONTAB schedules as the timer trigger reads them, in UTC as in Azure on Linux."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from cronsim import CronSim, CronSimError

# What NCRONTAB knows: lists, ranges, steps and three-letter names. cronsim also reads L, W, # and weekday 7, which
# Azure refuses.
_ITEM = re.compile(r"(\*|[0-9]{1,2}|[A-Z]{3})(-([0-9]{1,2}|[A-Z]{3}))?(/[0-9]{1,2})?")


class BadSchedule(ValueError):
    """The text is no schedule that Azure accepts; the message says why."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A checked NCRONTAB expression of five or six fields."""

    text: str

    def after(self, instant: datetime) -> datetime:
        """Return the first occurrence later than an aware UTC instant."""
        return next(CronSim(self.text, instant))

    def is_at_least_every_minute_apart(self, instant: datetime) -> bool:
        """Say whether ten occurrences from here are a minute or more apart: closer ones are not monitored."""
        for _ in range(10):
            instant, before = self.after(instant), instant
            if _ and instant - before < timedelta(minutes=1):
                return False
        return True


def parse_schedule(text: str, now: datetime) -> Schedule:
    """Check a schedule. Raises BadSchedule."""
    if re.fullmatch(r"(\d+\.)?\d{1,2}:\d{2}:\d{2}", text.strip()):
        raise BadSchedule(
            f"'{text}' is a time span, which only an App Service plan accepts: write an NCRONTAB expression"
        )
    fields = text.upper().split()
    if len(fields) not in {5, 6}:
        raise BadSchedule(f"'{text}' has {len(fields)} fields; NCRONTAB has six (seconds first) or five")
    for field in fields:
        if not all(_ITEM.fullmatch(item) for item in field.split(",")):
            raise BadSchedule(f"'{text}': NCRONTAB does not know '{field}'")
        if re.search(r"\b(\w+)-\1/", field):
            raise BadSchedule(f"'{text}': this host does not play the step in '{field}'")
    day, weekday = fields[-3], fields[-1]
    if re.search(r"\w/", weekday):
        # cronsim's week has a day 7, so that 1/2 would include Sunday.
        raise BadSchedule(f"'{text}': this host plays steps of weekdays only after *")
    if "7" in re.split(r"[,\-]", re.sub(r"/\d+", "", weekday)):
        raise BadSchedule(f"'{text}': weekdays are 0 to 6, Sunday is 0")
    if not day.startswith("*") and not weekday.startswith("*"):
        # Azure takes day *and* weekday where cron takes either.
        raise BadSchedule(f"'{text}' restricts the day and the weekday: this host would read it otherwise than Azure")
    schedule = Schedule(" ".join(fields))
    try:
        schedule.after(now)
    except (CronSimError, StopIteration) as never:
        raise BadSchedule(f"'{text}': {never or 'there is no such day'}") from never
    return schedule
