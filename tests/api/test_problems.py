"""What is said of each error of ours: a status, a word, what to do, and when to come again."""

from __future__ import annotations

import json
import logging
from datetime import timedelta

import pytest

from perennial.errors import (
    BadInput,
    Busy,
    Changed,
    Forbidden,
    PerennialError,
    Refused,
    Throttled,
    Unavailable,
    Unclear,
    Unreachable,
    VaultError,
)
from perennial.workflows.api.http import Operation, Request, Response, answer, conflict, declined, not_found, problem
from perennial.workflows.world import World
from tests.api.stocking import NOW
from tests.memory.world import make_world

TEN = timedelta(seconds=10)
PAUSE = timedelta(seconds=1, milliseconds=1)


@pytest.mark.parametrize(
    ("error", "status", "slug", "fix", "wait"),
    [
        (BadInput("limit", "a number"), 400, "bad-input", "a number", None),
        (Changed(), 409, "changed", "send the request again", timedelta(seconds=1)),
        (Unavailable("a table"), 503, "not-now", "GET /api/health", TEN),
        (Throttled("kv", "429", retry_after=PAUSE), 503, "throttled", "again later", PAUSE),
        (Throttled("kv", "429"), 503, "throttled", "again later", TEN),
        (Forbidden("kv", "403"), 502, "forbidden-by-vault", "its role", None),
        (Busy("kv", "409"), 409, "busy", "discard it", None),
        (Refused("kv", "400"), 409, "refused-by-vault", "what the vault says", None),
        (Unclear("kv", "500"), 504, "unclear", "a repeat is harmless", TEN),
        (Unreachable("kv", "no DNS"), 504, "unreachable", "network rules and DNS", TEN),
        (not_found("there is none", "look"), 404, "not-found", "look", None),
        (conflict("kept", "it cannot be", "ask"), 409, "kept", "ask", None),
    ],
)
def test_each_error_has_its_answer(
    error: PerennialError, status: int, slug: str, fix: str, wait: timedelta | None
) -> None:
    """None goes without a way out."""
    found = declined(error)
    assert (found.status, found.slug, found.wait) == (status, slug, wait)
    assert fix in found.fix
    if isinstance(error, VaultError):
        assert found.detail == str(error)


def test_a_refusal_reads_as_its_detail_and_says_what_to_do() -> None:
    """Wherever it is written down."""
    for found, status, slug in (
        (conflict("kept", "it cannot be", "ask"), 409, "kept"),
        (not_found("it cannot be", "ask"), 404, "not-found"),
    ):
        assert (str(found), found.fix, found.status, found.slug) == ("it cannot be", "ask", status, slug)


def test_a_wait_is_told_in_whole_seconds_and_never_too_short() -> None:
    """As Retry-After takes them (RFC 9110 §10.2.3)."""
    assert problem(declined(Throttled("kv", "429", retry_after=PAUSE))).headers == {"Retry-After": "2"}
    assert problem(declined(Forbidden("kv", "403"))).headers == {}


def works(request: Request, world: World) -> Response:
    """Succeed."""
    del request, world
    return Response(202)


def fails(request: Request, world: World) -> Response:
    """Fail."""
    raise conflict("kept", "it cannot be", "ask")


@pytest.mark.parametrize(("operation", "status"), [(works, 202), (fails, 409)])
def test_each_answer_is_a_line(operation: Operation, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """Which operation of which room, and the status."""
    with caplog.at_level(logging.INFO, logger="perennial"):
        assert answer(operation, Request(), make_world(NOW)).status == status
    said = {"event": "api", "operation": f"test_problems.{operation.__name__}", "status": status}
    assert list(map(json.loads, caplog.messages)) == [said]


def test_an_answer_without_a_body_sends_none() -> None:
    """Not even null."""
    assert Response(204).payload == b""
