"""The API as a WSGI application over a world in memory: routes as the Functions host matches them, operations as the doors hand them over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

from perennial.workflows.api.http import PREFIX, Request, answer
from perennial.workflows.world import World
from tests.api.calling import ROOT, Door, doors

DESCRIPTION = "/openapi.yaml"

type Start = Callable[[str, list[tuple[str, str]]], object]
type Application = Callable[[Mapping[str, Any], Start], Iterable[bytes]]


class Mounted:
    """Answers requests; what no route takes is 404 without a body, as the host answers it."""

    def __init__(self, world: World) -> None:
        """Take the world that all requests see."""
        self._world = world
        self._routes = [(_pattern(door.route), door) for door in doors().values()]

    def __call__(self, environ: Mapping[str, Any], start: Start) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        # The path as it was sent is gone in WSGI; bytes that are no UTF-8 stay what they were.
        path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
        if path == DESCRIPTION:
            return _send(start, 200, {"Content-Type": "application/yaml"}, (ROOT / "openapi.yaml").read_bytes())
        for pattern, door in self._routes:
            match = pattern.fullmatch(path)
            if match and door.method == environ["REQUEST_METHOD"]:
                return self._answer(environ, start, door, match.groupdict())
        return _send(start, 404, {}, b"")

    def _answer(self, environ: Mapping[str, Any], start: Start, door: Door, route: dict[str, str]) -> Iterable[bytes]:
        request = Request(
            method=door.method,
            route={name: unquote(text) for name, text in route.items()},
            query=dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
            body=environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)),
            actor=environ.get("HTTP_X_PERENNIAL_ACTOR", ""),
        )
        response = answer(door.operation, request, self._world)
        typed = {} if response.body is None else {"Content-Type": response.media_type}
        return _send(start, response.status, {**response.headers, **typed}, response.payload)


def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(PREFIX + "/" + re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(route)))


def _send(start: Start, status: int, headers: Mapping[str, str], body: bytes) -> Iterable[bytes]:
    start(f"{status} {HTTPStatus(status).phrase}", [*headers.items(), ("Content-Length", str(len(body)))])
    return [body]
