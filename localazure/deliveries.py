"""The deliveries of system topic events: what is due when, without a clock of its own."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from localazure.envelope import Json, LastAttempt, Schema, dead_letter
from localazure.keyvault.events import VaultEvent
from localazure.probation import Probation
from localazure.retry import Outcome, RetryPolicy

REORDER_WAIT = 2.0  # seconds that an incomplete group of reordered events is held
REORDER_STEP = 0.1  # seconds between the events of a group, so that they arrive in that order


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Where a vault's events go: the base URL of a Functions host, or the URL of a storage queue; and the envelope."""

    url: str
    schema: Schema = "cloudevents"
    is_queue: bool = False


@dataclass(frozen=True, slots=True)
class Disorder:
    """What is done to deliveries on request; the default does nothing."""

    duplicate: int = 0  # further copies of each event
    drop: bool = False
    delay: float = 0  # seconds before the first attempt
    reorder: int = 0  # hold events in groups of this size and send the last one first


@dataclass(slots=True)
class Delivery:
    """One copy of an event on its way; `to` is the URL of the function, or that of the queue's messages."""

    event: PublishedEvent
    to: str
    due: datetime
    state: str = "waiting"  # then: delivered, dead-lettered
    held: bool = False  # since its last attempt its endpoint was on probation when it was due
    attempts: list[tuple[datetime, Outcome]] = field(default_factory=list)


@dataclass(slots=True)
class PublishedEvent:
    """An event of a vault, its body as delivered, and its deliveries."""

    id: str
    event: VaultEvent
    published: datetime
    schema: Schema
    body: Json
    note: str = ""  # why there is no delivery: not-subscribed, no-subscriber, dropped
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def state(self) -> str:
        """The event as a whole: delivered once one copy was, dead-lettered once all copies were."""
        states = {delivery.state for delivery in self.deliveries}
        for state in ("delivered", "waiting", "dead-lettered"):
            if state in states:
                return state
        return self.note or "held"


class Deliveries:
    """Every delivery under way; a clock-driven heap that a simulation can drive as well as a loop."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._probation = Probation(policy.pace)
        self._heap: list[tuple[datetime, int, Delivery]] = []
        self._order = itertools.count()
        self._held: list[tuple[PublishedEvent, str]] = []
        self._held_until: datetime | None = None
        self.dead_letters: list[Json] = []

    def add(self, event: PublishedEvent, to: str, now: datetime, disorder: Disorder = Disorder()) -> None:
        """Take an event for delivery, disturbed as asked."""
        if disorder.drop:
            event.note = "dropped"
            return
        if disorder.reorder > 1:
            self._held.append((event, to))
            self._held_until = self._held_until or now + timedelta(seconds=REORDER_WAIT)
            if len(self._held) >= disorder.reorder:
                self._release(now)
            return
        for _ in range(1 + disorder.duplicate):
            self._push(event, to, now + timedelta(seconds=disorder.delay))

    def next_due(self) -> datetime | None:
        """Return when something is to be done next."""
        times = [self._heap[0][0]] if self._heap else []
        return min([*times, *([self._held_until] if self._held_until else [])], default=None)

    def take_due(self, now: datetime) -> list[Delivery]:
        """Remove and return the deliveries whose time has come; what has outlived its time is given up.

        New events and retries alike wait until the probation of their endpoint has ended.
        """
        if self._held_until and self._held_until <= now:
            self._release(now)
        due = []
        while self._heap and self._heap[0][0] <= now:
            delivery = heapq.heappop(self._heap)[2]
            if delivery.state != "waiting":  # a late success came first
                continue
            if (delivery.attempts or delivery.held) and self._policy.too_old(delivery.event.published, now):
                self._give_up(delivery, "TimeToLiveExceeded")
            elif closed := self._probation.closed_until(delivery.to, now):
                delivery.held = True
                self._schedule(delivery, closed)
            else:
                delivery.held = False
                due.append(delivery)
        return due

    def report(self, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
        """Record what an attempt met, and plan the next one or give up."""
        delivery.attempts.append((now, outcome))
        self._probation.report(delivery.to, outcome, now)
        if outcome.succeeded:
            delivery.state = "delivered"
        if delivery.state != "waiting":
            return
        following = self._policy.next(len(delivery.attempts), outcome, now)
        if isinstance(following, str):
            self._give_up(delivery, following)
        else:
            self._schedule(delivery, following)

    def report_late(self, delivery: Delivery, outcome: Outcome) -> None:
        """Take an answer that came after the attempt was over: a success drops the queued retry, unless that is under way already."""
        if outcome.succeeded and delivery.state == "waiting":
            delivery.state = "delivered"

    def _release(self, now: datetime) -> None:
        """Send the held events, the last one first."""
        for place, (event, to) in enumerate(reversed(self._held)):
            self._push(event, to, now + timedelta(seconds=place * REORDER_STEP))
        self._held.clear()
        self._held_until = None

    def _push(self, event: PublishedEvent, to: str, due: datetime) -> None:
        delivery = Delivery(event, to, due)
        event.deliveries.append(delivery)
        self._schedule(delivery, due)

    def _schedule(self, delivery: Delivery, due: datetime) -> None:
        delivery.due = due
        heapq.heappush(self._heap, (due, next(self._order), delivery))

    def _give_up(self, delivery: Delivery, reason: str) -> None:
        delivery.state = "dead-lettered"
        tried, outcome = delivery.attempts[-1] if delivery.attempts else (None, None)
        last = LastAttempt(
            count=len(delivery.attempts),
            outcome=outcome.name if outcome and not delivery.held else "Probation",
            tried=tried,
        )
        event = delivery.event
        self.dead_letters.append(dead_letter(event.body, event.schema, reason, last, event.published))
