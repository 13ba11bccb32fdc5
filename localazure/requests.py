"""What was asked of each stand-in, and the faults put in the way."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import jwt
from aiohttp import web

from localazure.exchange import Handler
from localazure.faults import Fault, is_part

LOG_LENGTH = 200_000  # requests remembered; the oldest are forgotten first


@dataclass(frozen=True, slots=True)
class Seen:
    """One request that a stand-in answered; `fault` is the fault's id if one decided the answer."""

    time: str
    service: str
    method: str
    host: str
    path: str
    query: str
    status: int  # 0: the connection was dropped
    authenticated: bool  # came with a token; whether the token was good shows in the status
    identity: str | None
    seconds: float
    fault: int | None


class Requests:
    """The log of all requests and the faults in force."""

    def __init__(self) -> None:
        self._log: deque[Seen] = deque(maxlen=LOG_LENGTH)
        self._faults: list[Fault] = []
        self._last_fault = 0

    def seen(self, service: str | None = None) -> list[Seen]:
        """Return the logged requests, oldest first; `storage` means all three storage services."""
        return [seen for seen in self._log if service is None or is_part(service, seen.service)]

    def forget(self, service: str | None = None) -> None:
        """Clear the log, or the part of one service."""
        kept = [seen for seen in self._log if service is not None and not is_part(service, seen.service)]
        self._log.clear()
        self._log.extend(kept)

    def add_fault(self, make: Callable[[int], Fault]) -> Fault:
        """Put a fault in force, built from its id."""
        self._last_fault += 1
        fault = make(self._last_fault)
        self._faults.append(fault)
        return fault

    def faults(self) -> list[Fault]:
        """Return the faults that are still in force."""
        return [fault for fault in self._faults if fault.in_force]

    def clear_faults(self) -> None:
        """Take away all faults."""
        self._faults.clear()

    def around(self, service: str, handler: Handler) -> Handler:
        """Return a handler that logs, and is struck by faults."""

        async def watched(request: web.Request) -> web.StreamResponse:
            """Answer a request, note it, and let a fault strike it."""
            began = time.perf_counter()
            fault = self._strike(service, request)
            status = 500
            try:
                response = await (fault.strike(service, request, handler) if fault else handler(request))
            except web.HTTPException as answer:
                status = answer.status
                raise
            else:
                status = 0 if fault and fault.drop else response.status
                return response
            finally:
                self._note(service, request, status, time.perf_counter() - began, fault)

        return watched

    def _strike(self, service: str, request: web.Request) -> Fault | None:
        """Return the fault for a request, counted as used."""
        if not self._faults:
            return None
        if service == "keyvault" and "Authorization" not in request.headers:
            return None  # only the handshake before the real request: struck there, `times` would count double
        path = request.rel_url.raw_path
        places = (path, f"{(request.host or '').partition(':')[0]}{path}")
        for fault in self._faults:
            if fault.matches(service, request.method, places):
                fault.used += 1
                return fault
        return None

    def _note(self, service: str, request: web.Request, status: int, seconds: float, fault: Fault | None) -> None:
        """Log one request."""
        authorization = request.headers.get("Authorization")
        self._log.append(
            Seen(
                time=datetime.now(UTC).isoformat(timespec="milliseconds"),
                service=service,
                method=request.method,
                host=(request.host or "").partition(":")[0],
                path=request.rel_url.raw_path,
                query=request.rel_url.raw_query_string,
                status=status,
                authenticated=authorization is not None,
                identity=_speaker(authorization) if authorization else None,
                seconds=round(seconds, 4),
                fault=fault.id if fault else None,
            )
        )


@lru_cache(maxsize=1024)
def _speaker(authorization: str) -> str | None:
    """Return the name in a token, unchecked: the log says who claimed to ask, the service checks."""
    try:
        claims = jwt.decode(authorization.partition(" ")[2], options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return None
    return str(claims.get("name", "")) or None
