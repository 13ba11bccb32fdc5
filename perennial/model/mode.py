"""What Perennial may do in a vault. Settings need no more of what is decided, and each start pays for what it imports."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """What Perennial may do in a vault."""

    OBSERVE = "observe"
    RENEW = "renew"
