"""Ports that misbehave, count and tell: what a simulation puts around the memory's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from perennial.errors import ChannelError, Unavailable
from perennial.model.authority import Obstacle, Suggestion
from perennial.model.decision import Snapshot
from perennial.model.notices import Delivery, Subscription
from perennial.model.renewal import InVault, Renewal, Step, Waiting
from perennial.ports.issuer import Issuer
from perennial.ports.tables import Stored, TableSpec
from tests.memory.death import Reaper
from tests.memory.tables import MemoryTable, Rows

STORES = (
    "inventory",
    "vaults",
    "fleet",
    "renewals",
    "history",
    "deliveries",
    "findings",
    "sweeps",
    "queue",
    "accounts",
    "usages",
)


@dataclass(slots=True)
class Mishap(Reaper):
    """Strikes once, at the n-th effect of a kind: the process dies, or storage says 503, before the effect or after it."""

    fails: bool = False  # storage fails, instead of the process dying
    only: str = ""  # the effects that count: a prefix of port.method
    struck: str = ""

    def call(self, name: str, *, effect: bool, act: Callable[[], Any]) -> Any:
        """Make a call, unless this is the one."""
        counts = effect and name.startswith(self.only) and (not self.fails or name.startswith(STORES))
        strikes = counts and not self.struck and not self.dead
        if not strikes or not self._turn():
            return Reaper.call(self, name, effect=False, act=act)
        self.struck = f"{name} {'after' if self.after else 'before'}"
        if self.after:
            act()
        if self.fails:
            raise Unavailable(f"{name}: 503")
        self._die()
        return None

    def _turn(self) -> bool:
        self.at -= 1
        return self.at <= 0


class Down:
    """A table or queue that is down."""

    def __getattr__(self, method: str) -> Any:
        """Refuse every call."""

        def refuse(*_: object, **__: object) -> Any:
            """Say 503."""
            raise Unavailable(f"{method}: 503")

        return refuse


class Told[T](MemoryTable[T]):
    """A table that tells of each write that took place."""

    def __init__(self, spec: TableSpec[T], rows: Rows, on_write: Callable[[T], None]) -> None:
        super().__init__(spec, rows)
        self._on_write = on_write

    def insert(self, row: T) -> Stored[T] | None:
        """Insert, and tell if that took place."""
        stored = super().insert(row)
        if stored is not None:
            self._on_write(row)
        return stored

    def save(self, row: Stored[T]) -> Stored[T]:
        """Save, and tell."""
        stored = super().save(row)
        self._on_write(row.value)
        return stored


@dataclass(slots=True)
class Receiver:
    """A channel whose other side is down for a while, or loses one in so many."""

    on_sent: Callable[[Delivery, Subscription], None]
    on_refused: Callable[[], None]
    chance: Callable[[], float]
    down_until: datetime | None = None
    flaky: float = 0.0

    def refuse(self, subscription: Subscription) -> str:
        """Nothing is wrong with any subscription."""
        return ""

    def send(self, delivery: Delivery, subscription: Subscription, now: datetime) -> str:
        """Take a delivery, or fail; what fails may have arrived."""
        down = self.down_until is not None and now < self.down_until
        if down or self.chance() < self.flaky:
            if not down and self.chance() < 0.5:
                self.on_sent(delivery, subscription)
            self.on_refused()
            raise ChannelError("503 Service Unavailable")
        self.on_sent(delivery, subscription)
        return "202 Accepted"


@dataclass(slots=True)
class Counting:
    """An issuer whose found intents are counted."""

    inner: Issuer
    befell: Counter[str]

    def step(self, renewal: Renewal, seen: Snapshot, *, fresh: bool, now: datetime) -> Waiting | InVault:
        """Take the step."""
        if not fresh and renewal.checkpoint.step is Step.SENDING:
            self.befell["intent found and asked about"] += 1
        if not fresh and renewal.checkpoint.step is Step.MERGING:
            self.befell["merge after a crash"] += 1
        answer = self.inner.step(renewal, seen, fresh=fresh, now=now)
        if isinstance(answer, Waiting) and answer.adopted:
            self.befell["operation adopted after a crash"] += 1
        return answer

    def suggest(self, ari_id: str, now: datetime) -> Suggestion | None:
        """Ask the issuer."""
        return self.inner.suggest(ari_id, now)

    def obstacles(self, names: tuple[str, ...], now: datetime) -> tuple[Obstacle, ...]:
        """Ask the issuer."""
        return self.inner.obstacles(names, now)

    def abandon(self, renewal: Renewal, now: datetime) -> None:
        """Clean up."""
        self.inner.abandon(renewal, now)


@dataclass(slots=True)
class Agenda:
    """Instants that recur at random, with no memory: the time to the next is exponential."""

    chance: Callable[[float], float]
    at: Callable[[datetime, Callable[[], None]], None]
    clock: Callable[[], datetime]

    def often(self, each: timedelta, act: Callable[[], None]) -> None:
        """Let something happen again and again, on average once in a span."""

        def again() -> None:
            """Do it, and plan the next time."""
            act()
            plan()

        def plan() -> None:
            """Put the next time on the heap."""
            self.at(self.clock() + timedelta(seconds=1 + int(self.chance(1 / each.total_seconds()))), again)

        plan()
