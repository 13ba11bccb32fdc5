"""The door turns the worker's request into ours, and our answer into the worker's."""

from __future__ import annotations

import azure.functions as func

from handlers import api
from perennial.workflows.api.http import PROBLEM, Request, Response


def request(body: bytes = b"{}", **headers: str) -> func.HttpRequest:
    """Return a request as the worker hands it over."""
    return func.HttpRequest(
        method="PUT",
        url="http://127.0.0.1/api/certificates/kv-orders/web?limit=1",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        params={"limit": "1"},
        route_params={"vault": "kv-orders", "name": "web"},
        body=body,
    )


def test_a_request_is_read_whole() -> None:
    """Method, route, query, raw body and the hint of an actor, whatever the case of its header."""
    assert api._read(request(b"\xff", x_perennial_actor="ada")) == Request(
        method="PUT",
        route={"vault": "kv-orders", "name": "web"},
        query={"limit": "1"},
        body=b"\xff",
        actor="ada",
    )


def test_keys_and_principals_stay_outside() -> None:
    """The function key, and a principal that nobody has checked, are not handed on."""
    read = api._read(request(x_functions_key="s3cret", x_ms_client_principal_name="mallory"))
    assert "s3cret" not in str(read)
    assert read.actor == ""


def test_an_answer_is_json_that_nobody_keeps() -> None:
    """Status, body as JSON, its media type, its headers, and Cache-Control."""
    sent = api._sent(Response(202, {"a": None}, {"Location": "/api/x"}))
    assert (sent.status_code, sent.get_body(), sent.mimetype) == (202, b'{"a":null}', "application/json")
    assert dict(sent.headers) == {"Location": "/api/x", "Cache-Control": "no-store"}


def test_a_problem_keeps_its_media_type_and_an_empty_answer_its_emptiness() -> None:
    """application/problem+json; nothing after 204."""
    assert api._sent(Response(400, {}, {}, PROBLEM)).mimetype == PROBLEM
    assert api._sent(Response(204)).get_body() == b""
