"""The HTTP trigger: routes, keys, and the request and response as the worker speaks them."""

from __future__ import annotations

import json
from http.cookies import SimpleCookie

from aiohttp import web

from localazure.host.functions import Function, HttpTrigger
from localazure.host.invocations import Invocations
from localazure.host.keys import DEFAULT, Keys
from localazure.host.protos import Message, RpcHttp, TypedData

# What belongs to the connection or is computed by the server.
_NOT_FORWARDED = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive"})


class HttpFunctions:
    """Finds the function of a request and runs it."""

    def __init__(self, functions: list[Function], prefix: str, invocations: Invocations, keys: Keys) -> None:
        found = [(each, each.trigger) for each in functions if isinstance(each.trigger, HttpTrigger)]
        self._functions = sorted(found, key=lambda pair: pair[1].route.precedence())
        self._prefix = f"/{prefix}/" if prefix else "/"
        self._invocations = invocations
        self._keys = keys

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request: 404 where no route has its path and method, 500 with no body when the function fails."""
        found = self._find(request)
        if found is None:
            return web.Response(status=404)
        function, trigger, parameters = found
        admitted = {
            "ANONYMOUS": True,
            "FUNCTION": self._keys.admit(request, DEFAULT),
            "ADMIN": self._keys.admit(request),
        }
        if not admitted[trigger.level]:
            return web.Response(status=401)
        result = await self._invocations.run(function, TypedData(http=await _to_rpc(request, parameters)))
        if result.failure is not None or result.returned is None:
            return web.Response(status=500)
        return _from_rpc(result.returned)

    def _find(self, request: web.Request) -> tuple[Function, HttpTrigger, dict[str, str]] | None:
        path = request.rel_url.raw_path
        if not (path + "/").lower().startswith(self._prefix.lower()):
            return None
        for function, trigger in self._functions:
            parameters = trigger.route.match(path[len(self._prefix) :])
            if parameters is not None and (not trigger.methods or request.method in trigger.methods):
                return function, trigger, parameters
        return None


async def _to_rpc(request: web.Request, parameters: dict[str, str]) -> Message:
    """Return the request for the worker: lower-cased headers, no empty query values, a body only if its length is told."""
    body = await request.read() if (request.content_length or 0) > 0 else None
    query = {name: ",".join(request.query.getall(name)) for name in request.query}
    return RpcHttp(
        method=request.method,
        url=str(request.url),
        headers={name.lower(): value for name, value in request.headers.items()},
        query={name: value for name, value in query.items() if value},
        params=parameters,
        body=TypedData(bytes=body) if body is not None else TypedData(),
    )


def _from_rpc(returned: Message) -> web.Response:
    """Return the function's answer; a plain text is one too."""
    if returned.http is None:
        return _from_text(returned)
    answer = returned.http
    headers = {name: value for name, value in answer.headers.items() if name.lower() not in _NOT_FORWARDED}
    body = answer.body
    content = (
        b"" if body is None else body.bytes if body.bytes is not None else (body.string or body.json or "").encode()
    )
    response = web.Response(status=int(answer.status_code), headers=headers, body=content)
    for cookie in answer.cookies or ():
        response.headers.add("Set-Cookie", _set_cookie(cookie))
    return response


def _from_text(returned: Message) -> web.Response:
    """Return text as 200; refuse the response objects that the host reads out of JSON with a member `body`."""
    text = str(returned.string if returned.string is not None else returned.json)
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict) and "body" in parsed:
        return web.Response(status=500, text="this host does not play text that is a response object")
    return web.Response(text=text)


def _set_cookie(cookie: Message) -> str:
    """Return the value of a Set-Cookie header."""
    jar = SimpleCookie({cookie.name: cookie.value})
    morsel = jar[cookie.name]
    for attribute in ("domain", "path", "max_age"):
        value = getattr(cookie, attribute)
        if value is not None and value.value != "":
            morsel[attribute.replace("_", "-")] = value.value
    morsel["secure"] = bool(cookie.secure and cookie.secure.value)
    morsel["httponly"] = bool(cookie.http_only and cookie.http_only.value)
    if cookie.same_site:
        morsel["samesite"] = cookie.same_site
    return morsel.OutputString()
