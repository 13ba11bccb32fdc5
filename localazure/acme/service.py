"""The CAs of one local Azure over HTTP, told apart by host name."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from localazure.acme import routes
from localazure.acme.ca import Answer, Ca, Call
from localazure.acme.conduct import Conduct
from localazure.acme.problems import Problem
from localazure.names import ca_of

JOSE = "application/jose+json"


async def serve(ca: Ca, request: web.Request) -> web.StreamResponse:
    """Answer any request to a CA."""
    if ca.conduct.down:
        return _down(ca, request)
    base = f"{request.scheme}://{request.host}"
    try:
        answer = await _answer(ca, base, request)
    except Problem as problem:
        headers = {"Content-Type": "application/problem+json"} | problem.headers
        answer = Answer(problem.document(), problem.status, headers)
    return _response(ca, base, request, answer)


async def _answer(ca: Ca, base: str, request: web.Request) -> Answer:
    """Find the route, check the signature, do the work, and let troubles strike before or after it. Raises Problem."""
    route, ids = routes.find(request.method, request.path)
    ca.books.requests[route.kind] += 1
    call = Call(ca, base, ids, request.method)
    if route.signer != "nobody":
        if request.content_type != JOSE:
            raise Problem("malformed", f"Invalid Content-Type header on POST. Content-Type must be {JOSE!r}", 415)
        signed, account = routes.authenticate(ca, base, request.path, route.signer, await request.read())
        call = Call(ca, base, ids, request.method, signed, account)
    ca.strike(route.kind)
    answer = await route.handler(call)
    ca.strike(route.kind, after=True)
    return answer


def _response(ca: Ca, base: str, request: web.Request, answer: Answer) -> web.Response:
    """Write an answer with the headers that all have (RFC 8555 §6.5, §7.1)."""
    body = answer.body
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    response = web.Response(status=answer.status, text=text or None)
    response.headers["Content-Type"] = "application/json"
    response.headers.update(answer.headers)
    response.headers["Cache-Control"] = "public, max-age=0, no-cache"
    if request.method == "POST" or request.path == "/new-nonce":
        response.headers["Replay-Nonce"] = ca.nonces.issue()
    for address, relation in ((f"{base}/directory", "index"), *answer.links):
        response.headers.add("Link", f'<{address}>;rel="{relation}"')
    return response


def _down(ca: Ca, request: web.Request) -> web.Response:
    """Be out of order, as a CA behind a content delivery network is: no problem document."""
    ca.books.requests["down"] += 1
    if ca.conduct.down == "drop" and request.transport:
        request.transport.abort()
    page = "<html><head><title>503 Service Unavailable</title></head></html>"
    return web.Response(status=503, text=page, content_type="text/html")


class Authorities:
    """All CAs of one local Azure; a CA's keys are made when it is asked for."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._known: dict[str, Ca] = {}

    def create(self, name: str, conduct: Conduct) -> Ca:
        """Make a CA, or set the conduct of the one of this name."""
        ca = self._known.get(name)
        if ca is None:
            ca = self._known[name] = Ca(name, self._clock, conduct)
        ca.conduct = conduct
        return ca

    def ca(self, name: str) -> Ca | None:
        """Return a CA by name."""
        return self._known.get(name)

    def names(self) -> list[str]:
        """Return the names of all CAs."""
        return list(self._known)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer any request whose Host is a CA's name."""
        name = ca_of(request.host.partition(":")[0].lower())
        ca = self._known.get(name or "")
        if ca is None:
            return web.json_response({"error": f"there is no CA {name}"}, status=404)
        return await serve(ca, request)
