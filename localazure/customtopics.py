"""Event Grid's custom topics: every name exists, takes CloudEvents, and its one subscriber gets them at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from aiohttp import web

from localazure.tokens import TokenRefused, Tokens

AUDIENCE = "https://eventgrid.azure.net"
REQUIRED = ("id", "source", "type", "specversion")  # CloudEvents 1.0
MAX_EVENTS = 5000  # Event Grid limits, per publish request
MAX_BYTES = 1024 * 1024


class CustomTopics:
    """Serves `POST https://<topic>.<region>.eventgrid.azure.net/api/events`."""

    def __init__(self, tokens: Tokens, clock: Callable[[], datetime]) -> None:
        self._tokens = tokens
        self._clock = clock
        self._received: dict[str, list[dict[str, object]]] = defaultdict(list)

    def received(self, topic: str | None = None) -> list[dict[str, object]]:
        """Return what the subscriber of a topic, or of every topic, got: each event with topic and time."""
        lists = self._received.values() if topic is None else [self._received.get(topic.lower(), [])]
        return [entry for entries in lists for entry in entries]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Take a batch of CloudEvents, whole or not at all."""
        try:
            self._tokens.check(request.headers.get("Authorization"), AUDIENCE)
        except TokenRefused as refused:
            return _refusal(401, "Unauthorized", str(refused))
        if request.method != "POST" or request.path != "/api/events":
            return _refusal(404, "NotFound", f"{request.method} {request.path} is not POST /api/events.")
        body = await request.read()
        if len(body) > MAX_BYTES:
            return _refusal(413, "PayloadTooLarge", f"The request is larger than {MAX_BYTES} bytes.")
        try:
            events = _events(request, body)
        except ValueError as fault:
            return _refusal(400, "BadRequest", str(fault))
        topic = request.host.partition(".")[0].lower()
        time = self._clock().isoformat(timespec="milliseconds")
        self._received[topic] += [{"topic": topic, "received": time, "event": event} for event in events]
        return web.Response(status=200)


def _events(request: web.Request, body: bytes) -> list[dict[str, object]]:
    """Return the CloudEvents of a request. Raises ValueError with what is wrong."""
    if "api-version" not in request.query:
        raise ValueError("The api-version query parameter is missing.")
    if not request.content_type.startswith("application/cloudevents"):
        raise ValueError("This topic's input schema is CloudEventSchemaV1_0.")
    parsed = json.loads(body)
    events = parsed if isinstance(parsed, list) else [parsed]
    if not 0 < len(events) <= MAX_EVENTS:
        raise ValueError(f"A request holds 1 to {MAX_EVENTS} events.")
    for place, event in enumerate(events):
        fault = _fault(event)
        if fault:
            raise ValueError(f"Event {place} {fault}.")
    return events


def _fault(event: object) -> str:
    """Say what is wrong with an event; empty: nothing."""
    if not isinstance(event, dict):
        return "is not an object"
    missing = [name for name in REQUIRED if not (isinstance(event.get(name), str) and event[name])]
    if missing:
        return f"lacks {', '.join(missing)}"
    version = event["specversion"]
    return "" if version == "1.0" else f"has specversion {version}, not 1.0"


def _refusal(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)
