"""How long the stand-in takes where the real service takes its time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, short enough for demos.

    Recorded of the real service: `Self` 1 to 21 (half of them 10 or more), cancellation 5 to 10, deletion 5 to 46
    (mostly 10), recovery and purge about 10; near-expiry at birth after 4 to 14 minutes; autorotation within a day;
    `Retry-After: 10` with a pending operation.
    """

    self_issuance: float = 1.0
    issuer: float = 1.0
    cancellation: float = 1.0
    deletion: float = 1.0
    recovery: float = 1.0
    purge: float = 1.0
    near_expiry: float = 1.0
    autorotation: float = 24 * 3600.0
    retry_after: float = 10.0
