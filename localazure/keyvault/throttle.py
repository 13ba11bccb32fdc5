"""The service limits of one vault: requests per ten seconds, by class; a refused one does not count."""

from __future__ import annotations

from collections import deque

from localazure.keyvault import errors

WINDOW = 10.0  # seconds
# Key Vault service limits: software key creation; imports (and secrets that are set); everything else.
KEY_CREATION, IMPORTS, OTHER = "key creation", "imports", "everything else"
LIMITS = {KEY_CREATION: 20, IMPORTS: 300, OTHER: 4000}


class Meter:
    """Counts the requests of one vault."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[float]] = {kind: deque() for kind in LIMITS}

    def count(self, kind: str, now: float) -> None:
        """Count a request, or refuse it."""
        seen = self._seen[kind]
        while seen and seen[0] <= now - WINDOW:
            seen.popleft()
        if len(seen) >= LIMITS[kind]:
            raise errors.throttled()
        seen.append(now)
