"""How Event Grid spares an endpoint that fails (Event Grid: "delivery and retry", probation and delayed delivery)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from localazure.retry import Outcome

# Seconds by the outcome of the failed attempt. What refuses one event says nothing about the endpoint: BadRequest and
# PayloadTooLarge are not listed. Full, Disabled, ResolutionError and InvalidAzureFunctionDestination meet no Functions host.
PROBATION = {
    "Busy": 10,
    "TimedOut": 10,
    "SocketError": 30,
    "NotFound": 300,
    "Unauthorized": 300,
    "Forbidden": 300,
}
TOLERATED = 10  # failures in a row; after that new events and retries are held back for longer
LONGEST = 3 * 3600  # seconds; documented is "up to several hours", and that it doubles is ours


@dataclass(slots=True)
class Endpoint:
    """How an endpoint has been."""

    failures: int = 0  # in a row
    doublings: int = 0  # one for each time that it failed after a pause, once it was known to be ill
    closed_until: datetime | None = None


class Probation:
    """What is held back from which endpoint, and until when; `pace` scales every pause."""

    def __init__(self, pace: float) -> None:
        self._pace = pace
        self._endpoints: dict[str, Endpoint] = {}

    def closed_until(self, url: str, now: datetime) -> datetime | None:
        """Return when an endpoint may be tried again; None: now."""
        endpoint = self._endpoints.get(url)
        until = endpoint.closed_until if endpoint else None
        return until if until is not None and until > now else None

    def report(self, url: str, outcome: Outcome, now: datetime) -> None:
        """Take what an attempt met: a success ends all pauses, a failure begins or prolongs one."""
        if outcome.succeeded:
            self._endpoints.pop(url, None)
            return
        pause = PROBATION.get(outcome.name)
        if pause is None:
            return
        endpoint = self._endpoints.setdefault(url, Endpoint())
        endpoint.failures += 1
        if endpoint.failures > TOLERATED and self.closed_until(url, now) is None:
            endpoint.doublings += 1
        seconds = max(pause, min(pause * 2 ** min(endpoint.doublings, 20), LONGEST)) * self._pace
        until = now + timedelta(seconds=seconds)
        endpoint.closed_until = max(until, endpoint.closed_until or until)
