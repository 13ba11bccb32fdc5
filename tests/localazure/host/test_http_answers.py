"""HTTP routes and answers that the small app has none of: the HTTP part in this process, with functions that echo."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import pytest
import urllib3
from aiohttp import web

from localazure.host.functions import Function, HttpTrigger
from localazure.host.http import HttpFunctions
from localazure.host.invocations import Invocations, Result
from localazure.host.keys import Keys
from localazure.host.protos import Message, TypedData
from localazure.host.routes import parse_route


class Echo(Invocations):
    """Answers with a text, or with the function's name and its route parameters."""

    def __init__(self, answer: Message | None) -> None:
        self._answer = answer

    async def run(self, function: Function, value: Message, metadata: Mapping[str, Message] | None = None) -> Result:
        """Answer one request."""
        return Result(None, self._answer or TypedData(string=json.dumps([function.name, dict(value.http.params)])))


def function(template: str, *methods: str) -> Function:
    """Return an anonymous HTTP function named by its template."""
    trigger = HttpTrigger("req", parse_route(template), frozenset(methods), "ANONYMOUS")
    return Function(template, template, trigger, (), disabled=False)


def ask(path: str, *functions: Function, prefix: str = "api", answer: Message | None = None) -> tuple[int, str]:
    """Serve the functions and GET a path."""

    async def go() -> tuple[int, str]:
        """Serve for one request."""
        application = web.Application()
        handler = HttpFunctions(list(functions), prefix, Echo(answer), Keys(None))
        application.router.add_route("*", "/{path:.*}", handler.handle)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
        try:
            with urllib3.PoolManager(retries=False) as http:
                got = await asyncio.to_thread(http.request, "GET", url)
            return got.status, got.data.decode()
        finally:
            await runner.cleanup()

    return asyncio.run(go())


ROUTES = [
    function("c/{vault}/{name?}"),
    function("c/{vault}/history"),
    function("n/{id:int}"),
    function("n/{id}"),
    function("s/{state=all}"),
    function("files/{*rest}"),
    function("only", "POST"),
]


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/api/c/kv-1", ["c/{vault}/{name?}", {"vault": "kv-1"}]),
        ("/api/c/kv-1/www", ["c/{vault}/{name?}", {"vault": "kv-1", "name": "www"}]),
        ("/api/c/kv-1/history", ["c/{vault}/history", {"vault": "kv-1"}]),
        ("/api/n/12", ["n/{id:int}", {"id": "12"}]),
        ("/api/n/twelve", ["n/{id}", {"id": "twelve"}]),
        ("/api/s", ["s/{state=all}", {"state": "all"}]),
        ("/api/s/open", ["s/{state=all}", {"state": "open"}]),
        ("/api/files/a/b%20c/d", ["files/{*rest}", {"rest": "a/b c/d"}]),
    ],
)
def test_a_template_takes_its_requests(path: str, seen: list[object]) -> None:
    """Parameters may be optional, constrained, defaulted or the rest; the closest template wins whatever the order."""
    status, body = ask(path, *ROUTES)
    assert (status, json.loads(body)) == (200, seen)


@pytest.mark.parametrize("path", ["/c/kv-1", "/apis/c/kv-1", "/api/c", "/api/only"])
def test_what_no_template_takes_is_not_found(path: str) -> None:
    """Outside the prefix, too short, or by a method that its template does not list."""
    assert ask(path, *ROUTES)[0] == 404


def test_the_prefix_can_be_empty_or_longer() -> None:
    """host.json's routePrefix: none at all, or two parts."""
    assert ask("/n/1", *ROUTES, prefix="")[0] == 200
    assert ask("/v1/app/n/1", *ROUTES, prefix="v1/app")[0] == 200
    assert ask("/api/n/1", *ROUTES, prefix="v1/app")[0] == 404


def test_text_is_an_answer() -> None:
    """A returned text is 200 with that text, also when it is JSON without a member `body`."""
    for text in ("plain", '{"a": 1}', '["body"]'):
        assert ask("/api/n/1", *ROUTES, answer=TypedData(string=text)) == (200, text)


def test_text_that_azure_would_read_as_a_response_is_refused() -> None:
    """Azure makes a response object of JSON with a member `body`; this host says that it does not."""
    status, said = ask("/api/n/1", *ROUTES, answer=TypedData(string='{"body": "x", "status": 201}'))
    assert (status, "does not play" in said) == (500, True)
