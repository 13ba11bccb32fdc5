"""An event loop in a thread, for servers that synchronous tests and demos run beside themselves."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

PATIENCE = 60.0  # seconds that any one step may take


class Aside:
    """A loop that runs coroutines for a caller who waits."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine there and return what it gives."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)

    def stop(self) -> None:
        """End the thread."""
        self.run(_last_words())
        self.run(self.loop.shutdown_default_executor())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()


async def _last_words() -> None:
    """Let closed connections finish their closing, which takes a turn or two of the loop."""
    for _ in range(3):
        await asyncio.sleep(0)


@contextlib.contextmanager
def aside() -> Iterator[Aside]:
    """Run a loop in a thread for the length of the block."""
    running = Aside()
    try:
        yield running
    finally:
        running.stop()
