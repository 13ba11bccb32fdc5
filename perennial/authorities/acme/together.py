"""A question that several threads have at once is asked once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Lock


class Together[T]:
    """Whoever has a question while it is on its way gets the same answer, or the same error: so a CA that is down costs nobody two waits."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._asked: dict[str, Future[T]] = {}

    def ask(self, about: str, question: Callable[[], T]) -> T:
        """Ask, or wait for whoever asks about the same; raises what the question raised, which nobody may change: it is shared."""
        with self._lock:
            asked = self._asked.get(about)
            if asked is None:
                mine = self._asked[about] = Future[T]()
        if asked is not None:
            return asked.result()
        try:
            mine.set_result(question())
        except BaseException as error:
            mine.set_exception(error)
            raise
        finally:
            with self._lock:
                del self._asked[about]
        return mine.result()
