"""The Event Grid webhook, as the extension answers it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from localazure.host.functions import Function
from localazure.host.invocations import Invocations
from localazure.host.keys import EVENT_GRID, Keys
from localazure.host.protos import TypedData

# The public cloud's and the sovereign ones' (Functions host: CloudEvents handshake).
ORIGINS = ("eventgrid.azure.net", "eventgrid.azure.us", "eventgrid.azure.cn")


class EventGridWebhook:
    """Answers `/runtime/webhooks/eventgrid?functionName=NAME`."""

    def __init__(self, functions: list[Function], invocations: Invocations, keys: Keys) -> None:
        self._functions = {function.name: function for function in functions}
        self._invocations = invocations
        self._keys = keys

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a validation, a delivery or a farewell; the answer to a delivery waits for every function."""
        if not self._keys.admit(request, EVENT_GRID):
            return web.Response(status=401)
        origin = request.headers.get("WebHook-Request-Origin", "")
        if request.method == "OPTIONS" and origin in ORIGINS:
            return web.Response(headers={"WebHook-Allowed-Origin": origin})
        name = request.query.get("functionName", "")
        function = self._functions.get(name)
        if function is None:
            return web.Response(status=404, text=f"cannot find function: '{name}'")
        return await self._answer(function, request)

    async def _answer(self, function: Function, request: web.Request) -> web.Response:
        """Answer a POST by its kind."""
        match request.headers.get("aeg-event-type", "").lower():
            case "subscriptionvalidation":
                return _validate(await request.text())
            case "notification":
                return await self._dispatch(function, await request.text())
            case "unsubscribe":
                return web.Response(status=202)
            case _:
                return web.Response(status=400)

    async def _dispatch(self, function: Function, body: str) -> web.Response:
        """Run the function once for each event, all side by side: one failure fails the batch, which comes again."""
        try:
            parsed = json.loads(body)
        except ValueError as malformed:
            return web.Response(status=500, text=str(malformed))
        if not isinstance(parsed, (list, dict)):
            return web.Response(status=500, text="the body is neither a JSON object nor an array")
        events: list[Any] = parsed if isinstance(parsed, list) else [parsed]
        results = await asyncio.gather(
            *(self._invocations.run(function, TypedData(json=compact(event))) for event in events)
        )
        failure = next((result.failure for result in results if result.failure is not None), None)
        return web.Response(status=202) if failure is None else web.Response(status=500, text=failure)


def compact(event: object) -> str:
    """Return JSON without white space, as the host hands it to the worker."""
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _validate(body: str) -> web.Response:
    """Answer the validation handshake: 200 with the code, since Event Grid refuses 202 here."""
    try:
        parsed = json.loads(body)
        # In the object form, a CloudEvent, the data is JSON within JSON.
        data = parsed[0]["data"] if isinstance(parsed, list) else parsed["data"]
        code = (json.loads(data) if isinstance(data, str) else data)["validationCode"]
    except (ValueError, LookupError, TypeError) as malformed:
        return web.Response(status=500, text=f"no validation event: {malformed}")
    return web.json_response({"validationResponse": code})
