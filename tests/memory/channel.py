"""A channel in memory: records what it is asked to deliver, and fails when told to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from perennial.errors import ChannelError
from perennial.model.notices import Delivery, Subscription


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt that was taken."""

    delivery: Delivery
    subscription: Subscription
    at: datetime


@dataclass(slots=True)
class MemoryChannel:
    """Takes everything, unless told otherwise."""

    sent: list[Sent] = field(default_factory=list)  # delivered, in order
    attempts: list[Sent] = field(default_factory=list)  # all, refused ones included
    complaint: str = ""  # what `refuse` says
    failures: deque[ChannelError] = field(default_factory=deque)  # raised by the next attempts, one each
    down: ChannelError | None = None  # raised by every attempt while set
    on_send: Callable[[Delivery], None] | None = None  # called in the middle of an attempt

    def refuse(self, subscription: Subscription) -> str:
        """Say what the test wants said."""
        return self.complaint

    def send(self, delivery: Delivery, subscription: Subscription, now: datetime) -> str:
        """Record a delivery, or fail."""
        attempt = Sent(delivery, subscription, now)
        self.attempts.append(attempt)
        if self.on_send:
            self.on_send(delivery)
        if self.failures:
            raise self.failures.popleft()
        if self.down:
            raise self.down
        self.sent.append(attempt)
        return "202 Accepted"
