"""Faults: what a stand-in is made to answer, or not to answer, instead of its own words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from aiohttp import web

from localazure.exchange import Handler

CODES = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    429: "Throttled",
    503: "ServiceUnavailable",
}
STORAGE_CODES = {403: "AuthorizationFailure", 404: "ResourceNotFound", 503: "ServerBusy"}  # Storage: "error codes"
MESSAGE = "This is a fault that localazure was asked for."


@dataclass(slots=True)
class Fault:
    """A fault; the first that matches a request is used."""

    id: int
    service: str
    method: str | None = None
    path: str = "*"
    status: int | None = None
    retry_after: float | None = None  # seconds
    delay: float = 0  # seconds
    drop: bool = False
    after_effect: bool = False
    times: int | None = None  # None: until it is cleared
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    used: int = 0

    @property
    def in_force(self) -> bool:
        """Whether it can still strike."""
        return self.times is None or self.used < self.times

    def matches(self, service: str, method: str, places: tuple[str, str]) -> bool:
        """Tell whether a request is hit; a path glob may begin with the host (`kv-a.vault.azure.net/*`) or not."""
        return (
            self.in_force
            and is_part(self.service, service)
            and self.method in (None, method)
            and any(fnmatchcase(place, self.path) for place in places)
        )

    async def strike(self, service: str, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request that was hit; with `after_effect` the service does its work first, and the fault follows."""
        effect = await handler(request) if self.after_effect else None
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.drop:
            if request.transport:
                request.transport.abort()
            return web.Response(status=500)  # written to nobody
        if self.status is not None:
            return self._answer(service, self.status)
        return effect or await handler(request)

    def _answer(self, service: str, status: int) -> web.Response:
        """Return the answer, with the body given or one as the service would send."""
        body, content_type, headers = error_body(service, status)
        if self.retry_after is not None:
            headers["Retry-After"] = f"{self.retry_after:g}"
        headers |= self.headers
        text = body if self.body is None else self.body
        return web.Response(status=status, text=text, content_type=content_type, headers=headers)


def error_body(service: str, status: int) -> tuple[str, str, dict[str, str]]:
    """Return an error's body, content type and headers in the form of a service."""
    if service in ("storage-queue", "storage-blob"):
        code = STORAGE_CODES.get(status, "InternalError")
        text = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{MESSAGE}</Message></Error>'
        return text, "application/xml", {"x-ms-error-code": code}
    if service == "storage-table":
        code = STORAGE_CODES.get(status, "InternalError")
        error: object = {"odata.error": {"code": code, "message": {"lang": "en-US", "value": MESSAGE}}}
        return json.dumps(error), "application/json", {"x-ms-error-code": code}
    if service == "identity":
        return json.dumps({"statusCode": status, "message": MESSAGE}), "application/json", {}
    error = {"error": {"code": CODES.get(status, "InternalServerError"), "message": MESSAGE}}
    return json.dumps(error), "application/json", {}


def is_part(asked: str, service: str) -> bool:
    """Tell whether a service is meant by a name; `storage` means all three of it."""
    return service == asked or service.startswith(asked + "-")
