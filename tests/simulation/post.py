"""The way of a vault's event to its door: at once, late, twice or never."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

HOURS = 6  # by which an event may be late


@dataclass(frozen=True, slots=True)
class Post:
    """Carries events as Event Grid does on its worst days: at least once is promised, and one in twelve is lost all the same."""

    dice: Random
    rough: float
    at: Callable[[datetime, Callable[[], None]], None]
    befell: Counter[str]

    def carry(self, now: datetime, arrive: Callable[[], None]) -> None:
        """Let an event that is sent now arrive, if it does."""
        luck, rough = self.dice.random(), self.rough
        if luck < 0.08 * rough:
            self.befell["event lost"] += 1
            return
        twice = luck > 1 - 0.1 * rough
        for _ in range(2 if twice else 1):
            late = self.dice.random() < 0.1 * rough
            delay = timedelta(seconds=self.dice.randint(1, HOURS * 3600 if late else 20))
            self.befell["event late"] += late
            self.at(now + delay, arrive)
        self.befell["event twice"] += twice
