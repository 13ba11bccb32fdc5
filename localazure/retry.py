"""When Event Grid tries a delivery again, and when it gives up (Event Grid: "delivery and retry").

Azure adds randomness to the waits and may skip steps; here they are exact, so that they can be tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

WAITS = (10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)  # seconds; the last one repeats
MINIMUM = {401: 300, 404: 300, 408: 120, 503: 30}  # seconds, for an Azure Function as the endpoint
SUCCESS = frozenset({200, 201, 202, 203, 204})
NEVER_RETRIED = frozenset({400, 403, 413})  # for an Azure Function; a plain webhook's 401 is not retried either
TIMEOUT = 30.0  # seconds that an endpoint has to answer before the event is queued for a retry
LATE = 180.0  # seconds in which a late success still drops that retry, where it can (best effort)

OUTCOMES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    408: "TimedOut",
    413: "PayloadTooLarge",
}
UNDELIVERABLE = {  # the reasons that dead letters show
    400: "UndeliverableDueToHttpBadRequest",
    403: "UndeliverableDueToHttpForbidden",
    413: "UndeliverableDueToHttpRequestEntityTooLarge",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a delivery attempt met: a status, or none and the name of the failure."""

    status: int | None
    failure: str = ""  # "TimedOut" or "SocketError"

    @property
    def succeeded(self) -> bool:
        """Whether the endpoint took the event."""
        return self.status in SUCCESS

    @property
    def name(self) -> str:
        """The name that a dead-letter record gives to this outcome."""
        return OUTCOMES.get(self.status, "Busy") if self.status else self.failure


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """The retry policy of an event subscription; `pace` scales its waits and its time to live (1 is Azure's)."""

    pace: float = 1.0
    max_attempts: int = 30
    time_to_live: timedelta = timedelta(hours=24)
    timeout: float = TIMEOUT  # these two are not scaled: a function takes the time it takes
    late: float = LATE

    def next(self, attempts: int, outcome: Outcome, now: datetime) -> datetime | str:
        """Return when to try again after so many attempts, or the reason to give up."""
        if outcome.status in NEVER_RETRIED:
            return UNDELIVERABLE[outcome.status]
        if attempts >= self.max_attempts:
            return "MaxDeliveryAttemptsExceeded"
        wait = max(WAITS[min(attempts, len(WAITS)) - 1], MINIMUM.get(outcome.status or 0, 0))
        return now + timedelta(seconds=wait * self.pace)

    def too_old(self, published: datetime, now: datetime) -> bool:
        """Tell whether the time to live has passed; asked only when an attempt is due, as Azure does."""
        return now - published >= self.time_to_live * self.pace
