"""What will happen later, earliest first: completions, deletions, expiries."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

Deed = Callable[[], Awaitable[None]]


class Agenda:
    """A heap of due instants by an injected clock."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._heap: list[tuple[datetime, int, Deed]] = []
        self._number = itertools.count()
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def after(self, seconds: float, deed: Deed) -> None:
        """Do something some seconds from now."""
        heapq.heappush(self._heap, (self._clock() + timedelta(seconds=seconds), next(self._number), deed))

    def at(self, second: int, deed: Deed) -> None:
        """Do something at a Unix second."""
        self.after(second - self._clock().timestamp(), deed)

    async def run(self) -> None:
        """Do everything that is due."""
        now = self._clock()
        while self._heap and self._heap[0][0] <= now:
            deed = heapq.heappop(self._heap)[2]
            self._under_way += 1
            self._idle.clear()
            try:
                await deed()
            finally:
                self._under_way -= 1
                if not self._under_way:
                    self._idle.set()

    async def finish(self) -> None:
        """Do everything that is due, and wait for what somebody else has begun to do."""
        await self.run()
        await self._idle.wait()

    def wait(self, longest: float) -> float:
        """Return the seconds until the next deed, at most `longest`."""
        if not self._heap:
            return longest
        return min(longest, max(0.0, (self._heap[0][0] - self._clock()).total_seconds()))
