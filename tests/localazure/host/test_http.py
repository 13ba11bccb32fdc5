"""HTTP functions: routes, what the function sees, and what the caller gets."""

from __future__ import annotations

from tests.localazure.host.hosts import Host


def test_the_function_sees_the_request(host: Host) -> None:
    """Route parameters are decoded, headers lower-cased, empty query values dropped, the URL whole."""
    seen = host.ask("POST", "/api/Echo/kv-1/na%20me?x=1&y=&x=2", "hello", X_Some="Thing").json()
    assert seen["params"] == {"vault": "kv-1", "name": "na me"}
    assert seen["query"] == {"x": "1,2"}
    assert seen["headers"]["x-some"] == "Thing"
    assert (seen["method"], seen["body"]) == ("POST", "hello")
    assert seen["url"] == f"{host.url}/api/Echo/kv-1/na%20me?x=1&y=&x=2"


def test_the_caller_gets_the_answer(host: Host) -> None:
    """Status, headers, content type and cookies arrive."""
    answer = host.ask("GET", "/api/echo/kv-1")
    assert answer.status == 207
    assert answer.headers["content-type"] == "application/seen+json"
    assert answer.headers["X-Seen"] == "yes"
    assert answer.headers["Set-Cookie"] == "a=b; HttpOnly; Path=/; SameSite=Lax"
    assert answer.json()["params"] == {"vault": "kv-1"}


def test_a_body_of_unknown_length_is_not_passed(host: Host) -> None:
    """As in Azure, a body arrives only when Content-Length says that there is one."""
    answer = host._http.request("POST", f"{host.url}/api/echo/kv-1", body=iter([b"hello"]), chunked=True)
    assert answer.json()["body"] == ""


def test_the_more_literal_template_wins(host: Host) -> None:
    """`echo/fixed/{name}` is tried before `echo/{vault}/{name?}`; text is an answer of 200."""
    answer = host.ask("GET", "/api/echo/fixed/x")
    assert (answer.status, answer.data) == (200, b"fixed x")


def test_a_wrong_method_is_no_route(host: Host) -> None:
    """The answer is 404, never 405; another template may still take it."""
    assert host.ask("DELETE", "/api/echo/kv-1").status == 404
    assert host.ask("POST", "/api/echo/fixed/x").json()["params"] == {"vault": "fixed", "name": "x"}


def test_what_fits_no_template_is_not_found(host: Host) -> None:
    """Too long, too short, outside the prefix, or against a constraint."""
    for path in ("/api/echo/a/b/c", "/api/echo", "/echo/kv-1", "/api/numbers/x", "/"):
        assert host.ask("GET", path).status == 404, path


def test_a_failing_function_is_an_empty_500(host: Host) -> None:
    """Bad JSON that the function does not handle, and a function that returns None."""
    for answer in (host.ask("POST", "/api/parse", "{nonsense"), host.ask("GET", "/api/nothing")):
        assert (answer.status, answer.data) == (500, b"")
    host.wait_for_text("failed: ValueError: HTTP request does not contain valid JSON data")
    assert host.ask("POST", "/api/parse", "{}").status == 204
