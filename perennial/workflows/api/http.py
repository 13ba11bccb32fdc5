"""What an operation gets and gives, and what is said when it will not: RFC 9457 problem documents."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from perennial import log
from perennial.errors import BadInput, Busy, Changed, Forbidden, PerennialError, Refused, Throttled, Unclear, VaultError
from perennial.workflows.world import World

PREFIX = "/api"  # the Functions host's own default
PROBLEM = "application/problem+json"
A_MOMENT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request as an operation sees it: what the route's braces held, the query, the raw body."""

    method: str = "GET"
    route: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    actor: str = ""  # who is signed in; else the header X-Perennial-Actor: a hint that nobody has proved
    principal: str = ""  # the platform's header about who is signed in, unread


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; `body` is made of what JSON knows, None for an empty one."""

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "application/json"

    @property
    def payload(self) -> bytes:
        """The body as it is sent."""
        return b"" if self.body is None else msgspec.json.encode(self.body)


class Declined(PerennialError):
    """A request that will not be done as it stands: what is wrong, and what the caller can do."""

    def __init__(
        self,
        status: int,
        slug: str,
        title: str,
        detail: str,
        *,
        field: str = "",
        fix: str = "",
        wait: timedelta | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.title = title
        self.detail = detail
        self.field = field
        self.fix = fix
        self.wait = wait
        self.more: Mapping[str, str] = {}  # further members of the problem document (RFC 9457 §3.2)


type Operation = Callable[[Request, World], Response]


def answer(operation: Operation, request: Request, world: World) -> Response:
    """Run an operation; whatever of ours it raises becomes a problem document."""
    try:
        response = operation(request, world)
    except PerennialError as error:
        response = problem(declined(error))
    log.line("api", operation=f"{operation.__module__.rpartition('.')[2]}.{operation.__name__}", status=response.status)
    return response


def problem(error: Declined) -> Response:
    """Write a problem document (RFC 9457 §3) with our members `field` and `fix`, and those of one problem alone."""
    body = {
        "type": f"urn:perennial:problem:{error.slug}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    more = {name: text for name, text in (("field", error.field), ("fix", error.fix)) if text}
    waits = {} if error.wait is None else {"Retry-After": str(math.ceil(error.wait.total_seconds()))}
    return Response(error.status, body | more | dict(error.more), waits, PROBLEM)


def declined(error: PerennialError) -> Declined:
    """Say to a caller what an error of ours means for them."""
    match error:
        case Declined():
            return error
        case BadInput():
            return Declined(400, "bad-input", "The request is wrong", str(error), field=error.field, fix=error.problem)
        case Changed():
            return Declined(
                409,
                "changed",
                "Somebody else was at work",
                "the row was changed while this was being done; nothing was done",
                fix="send the request again",
                wait=timedelta(seconds=1),
            )
        case VaultError():
            return _of_vault(error)
    return Declined(
        503,
        "not-now",
        "Not now",
        "something that Perennial needs did not answer",
        fix="send the request again in a moment; GET /api/health tells whether Perennial is well",
        wait=A_MOMENT,
    )


def _of_vault(error: VaultError) -> Declined:
    """Say what a vault's refusal means for the caller; nothing else than the vault call had failed."""
    match error:
        case Throttled():
            fix, wait = "send the request again later", error.retry_after or A_MOMENT
            return Declined(503, "throttled", "The vault asks to be left alone", str(error), fix=fix, wait=wait)
        case Forbidden():
            fix = "give Perennial's identity its role in the vault again, or open the vault's firewall to it"
            return Declined(502, "forbidden-by-vault", "The vault refuses Perennial", str(error), fix=fix)
        case Busy():
            fix = "let the pending operation end, or discard it"
            return Declined(409, "busy", "An operation is pending in the vault", str(error), fix=fix)
        case Refused():
            fix = "see what the vault says, then send the request again"
            return Declined(409, "refused-by-vault", "The vault refuses this", str(error), fix=fix)
        case Unclear():
            fix = "look at the certificate, then send the request again: a repeat is harmless"
            return Declined(504, "unclear", "It may have been done", str(error), fix=fix, wait=A_MOMENT)
    fix = "send the request again; if that does not help, look at the vault's name, network rules and DNS"
    return Declined(504, "unreachable", "The vault was not reached", str(error), fix=fix, wait=A_MOMENT)


def not_found(what: str, fix: str) -> Declined:
    """Say that there is no such thing."""
    return Declined(404, "not-found", "There is no such thing", what, fix=fix)


def conflict(slug: str, what: str, fix: str) -> Declined:
    """Say that it cannot be done as things stand."""
    return Declined(409, slug, "It cannot be done as things stand", what, fix=fix)
