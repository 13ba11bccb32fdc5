"""Whatever comes in, the answer is one that openapi.yaml describes: no input is a 500."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perennial.errors import Changed, PerennialError, Throttled
from perennial.workflows.api.http import PROBLEM, Request, Response, answer, declined
from perennial.workflows.api.paging import cursor, opened
from perennial.workflows.world import World
from tests.api.calling import Api, described, doors
from tests.api.stocking import NOW, WATCHED, WEB, claim, remember, stock
from tests.memory.world import make_world

PARTS = ["kv-orders", "KV-ORDERS", "web", "kv-watched", "intranet", "", "..", "a/b", "orders", "ä", "%00", "\n"]
VALUES = ["", "1", "0", "999", "kv-orders", "web", "*", "[", "open", "renew", "high", "2026-01-01T00:00:00Z", "a3YKYg"]
BODIES = [
    b"",
    b"{}",
    b"null",
    b"[]",
    b"{",
    b"\xff",
    b'{"reason": "why"}',
    b'{"reason": "\\ud800"}',
    b'{"reason": "why", "force": true, "accept_policy": true}',
    b'{"mode": "observe", "reason": "why"}',
    b'{"mode": "as-set", "reason": "why"}',
    b'{"channel": "memory", "send": "current"}',
    b'{"channel": "memory", "kinds": [[]]}',
    b"[" * 100_000,
    b'{"reason":' + b"[" * 60_000,
]


def stocked() -> World:
    """Return a world with something in it."""
    world = make_world(NOW)
    claim(world, stock(world, WEB))
    stock(world, WATCHED)
    remember(world, WEB, 1)
    return world


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(sorted(described())),
    parts=st.lists(st.sampled_from(PARTS) | st.text(max_size=20), min_size=2, max_size=2),
    query=st.dictionaries(
        st.sampled_from(
            ["vault", "name", "owner", "state", "limit", "cursor", "due_before", "decision", "rule", "code"]
        ),
        st.sampled_from(VALUES) | st.text(max_size=20),
        max_size=2,
    ),
    body=st.sampled_from(BODIES) | st.binary(max_size=40),
    actor=st.sampled_from(["", "ada"]) | st.text(max_size=90),
)
def test_no_input_is_a_failure(name: str, parts: list[str], query: dict[str, str], body: bytes, actor: str) -> None:
    """Every door answers what is described for it: a result, or a problem with a status from 400 to 409."""
    braces = doors()[name].route.count("{")
    found = Api(stocked()).call(name, *parts[:braces], raw=body, actor=actor, query=query)
    assert found.status < 410


@pytest.mark.parametrize("body", [b'{"mode": "observe", "reason": "x"}' + b" " * 65_536, b"\xff\xfe", b"{"])
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    """400 that says so; so is one that is too long to be meant."""
    found = Api(make_world(NOW)).call("put_mode", raw=body)
    assert (found.status, found.one("type")) == (400, "urn:perennial:problem:bad-input")
    assert "body" in found.one("detail")


def test_a_problem_is_a_problem_document() -> None:
    """RFC 9457: its media type, and type, title, status and detail, with the field and the fix."""
    response = answer(doors()["list_findings"].operation, Request(query={"limit": "x"}), make_world(NOW))
    assert (response.status, response.media_type) == (400, PROBLEM)
    assert response.body == {
        "type": "urn:perennial:problem:bad-input",
        "title": "The request is wrong",
        "status": 400,
        "detail": "limit: a number from 1 to 500",
        "field": "limit",
        "fix": "a number from 1 to 500",
    }


@pytest.mark.parametrize(
    ("error", "status"), [(Changed(), 409), (PerennialError(), 503), (Throttled("kv-orders", "429"), 503)]
)
def test_trouble_of_ours_says_when_to_come_again(error: PerennialError, status: int) -> None:
    """A row that others write, or something that does not answer, is a conflict or a 503 with Retry-After."""

    def operation(request: Request, world: World) -> Response:
        raise error

    response = answer(operation, Request(), make_world(NOW))
    assert (response.status, "Retry-After" in response.headers) == (status, True)


def test_a_programming_error_is_not_hidden() -> None:
    """What is not ours goes through, so that the host reports it."""

    def operation(request: Request, world: World) -> Response:
        raise KeyError("x")

    with pytest.raises(KeyError):
        answer(operation, Request(), make_world(NOW))


def test_a_secret_in_a_query_is_not_repeated() -> None:
    """The host's key rides in `code`; no answer quotes it."""
    world = stocked()
    found = Api(world).call("list_certificates", code="s3cret-key", bogus="1")
    assert found.status == 400
    assert "s3cret-key" not in str(found.body)


@given(partition=st.text(alphabet="abz09-:", max_size=60), key=st.text(alphabet="abz09-:", max_size=60))
def test_a_cursor_opens_to_what_it_was_made_of(partition: str, key: str) -> None:
    """For every key that a row can have."""
    assert opened(cursor(partition, key)) == (partition, key)


def test_who_asked_is_a_hint_beside_api() -> None:
    """An actor is always marked as having come through the API; spaces around it are not kept."""
    world = stocked()
    found = Api(replace(world)).call("put_mode", body={"mode": "observe", "reason": "x"}, actor=" ada ")
    assert found.one("actor") == "api (ada)"
    assert declined(Changed()).status == 409
