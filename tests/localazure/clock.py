"""The clock of a stand-in that tests need not wait for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """Real time plus an offset that a test moves on."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def __call__(self) -> datetime:
        """Return the stand-in's time."""
        return datetime.now(UTC) + self.offset

    def advance(self, **span: float) -> None:
        """Let time pass there."""
        self.offset += timedelta(**span)
