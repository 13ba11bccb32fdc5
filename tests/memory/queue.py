"""Queues in memory: what was sent, with its delay, in order."""

from __future__ import annotations

from datetime import timedelta

from perennial.errors import BadInput
from perennial.model.messages import Look, Nudge, Walk

type Message = Look | Nudge | Walk

LONGEST_DELAY = timedelta(days=7)  # Queue Storage: the longest initial delay


class MemoryQueues:
    """Keeps what was sent; whoever runs the test delivers it."""

    def __init__(self) -> None:
        self.sent: list[tuple[Message, timedelta]] = []

    def send(self, message: Message, delay: timedelta = timedelta(0)) -> None:
        """Keep a message."""
        if not timedelta(0) <= delay <= LONGEST_DELAY:
            raise BadInput("delay", f"{delay} is not between nothing and seven days")
        self.sent.append((message, delay))

    def take(self) -> list[tuple[Message, timedelta]]:
        """Return what was sent, and forget it."""
        taken, self.sent = self.sent, []
        return taken

    @property
    def looks(self) -> list[Look]:
        """The looks that were sent."""
        return [message for message, _ in self.sent if isinstance(message, Look)]

    @property
    def nudges(self) -> list[Nudge]:
        """The nudges that were sent."""
        return [message for message, _ in self.sent if isinstance(message, Nudge)]

    @property
    def walks(self) -> list[Walk]:
        """The walks that were sent."""
        return [message for message, _ in self.sent if isinstance(message, Walk)]


class MemoryIntake:
    """The binding of one invocation of a door."""

    def __init__(self) -> None:
        self.looks: list[Look] = []

    def put(self, message: Look) -> None:
        """Keep a look."""
        self.looks.append(message)
