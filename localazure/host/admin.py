"""The administrator's API: list functions, run one by hand, ask how the host is."""

from __future__ import annotations

import asyncio
import json
import time

from aiohttp import web

from localazure.host.eventgrid import compact
from localazure.host.functions import EventGridTrigger, Function, HttpTrigger, QueueTrigger, TimerTrigger
from localazure.host.invocations import Invocations
from localazure.host.keys import Keys
from localazure.host.protos import Message, TypedData
from localazure.host.timers import timer_value


class Admin:
    """Answers `/admin/...`."""

    def __init__(self, functions: list[Function], invocations: Invocations, keys: Keys, host_id: str) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._invocations = invocations
        self._keys = keys
        self._host_id = host_id
        self._started = time.monotonic()
        self._tasks: set[asyncio.Task[object]] = set()

    def routes(self) -> list[web.RouteDef]:
        """Return the routes for the server."""
        return [
            web.get("/admin/functions", self.list_functions),
            web.post("/admin/functions/{name}", self.run_function),
            web.get("/admin/host/status", self.show_status),
        ]

    async def list_functions(self, request: web.Request) -> web.Response:
        """Answer the names and the kinds of trigger."""
        if not self._keys.admit(request):
            return web.Response(status=401)
        listing = [
            {"name": each.name, "trigger": type(each.trigger).__name__, "isDisabled": each.disabled}
            for each in self._functions.values()
        ]
        return web.json_response(listing)

    async def show_status(self, request: web.Request) -> web.Response:
        """Answer that the host runs: it serves nothing before it does."""
        if not self._keys.admit(request):
            return web.Response(status=401)
        uptime = int((time.monotonic() - self._started) * 1000)
        return web.json_response({"id": self._host_id, "state": "Running", "processUptime": uptime})

    async def run_function(self, request: web.Request) -> web.Response:
        """Start a function with `{"input": TEXT}` and answer 202 at once; the result is in the log only."""
        if not self._keys.admit(request):
            return web.Response(status=401)
        function = self._functions.get(request.match_info["name"].lower())
        if function is None:
            return web.Response(status=404)
        try:
            body = json.loads(await request.text() or "null")
            value = _value(function, body["input"] if isinstance(body, dict) and "input" in body else "")
        except ValueError as wrong:
            return web.Response(status=400, text=str(wrong))
        if body is None:
            return web.Response(status=400)
        task: asyncio.Task[object] = asyncio.create_task(self._invocations.run(function, value))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return web.Response(status=202)


def _value(function: Function, text: object) -> Message:
    """Return the trigger's value for an input. Raises ValueError."""
    match function.trigger:
        case TimerTrigger():
            return timer_value(None, past_due=False)  # the input is ignored
        case QueueTrigger(binary=binary):
            return TypedData(bytes=str(text).encode()) if binary else TypedData(string=str(text))
        case EventGridTrigger():
            event = json.loads(str(text))
            if isinstance(event, dict):
                return TypedData(json=compact(event))
            raise ValueError(f"Unable to parse: the input must be one event, not {type(event).__name__}")
        case HttpTrigger():
            raise ValueError("this host does not run HTTP functions from here: call their route")
