"""Messages to ourselves."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from perennial.model.messages import Look, Nudge, Walk
from perennial.ports import effect


class Queues(Protocol):
    """The storage queues, seen from the sender. Delivery is at least once, in no order; a message lives seven days."""

    @effect
    def send(self, message: Look | Nudge | Walk, delay: timedelta = timedelta(0)) -> None:
        """Put a message on its queue; nobody sees it before `delay` (at most seven days)."""


class Intake(Protocol):
    """The door's own way to the queue `looks`: the binding of an invocation, flushed when it ends well."""

    @effect
    def put(self, message: Look) -> None:
        """Queue a look; all looks of an invocation are queued together."""
