"""What a caller sent, to the last letter that is taken and the first that is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from perennial.errors import BadInput
from perennial.workflows.api import reading
from perennial.workflows.api.http import Declined, Request
from perennial.workflows.api.subscriptions import Wanted


def asks(**route: str) -> Request:
    """Return a request with these parts of its route."""
    return Request(route=route)


def test_a_body_of_64_kib_is_read_and_no_byte_more() -> None:
    """Spaces count."""
    body = b'{"channel": "memory"}'.ljust(64 * 1024)
    assert reading.body(Request(body=body), Wanted).channel == "memory"
    with pytest.raises(BadInput, match="longer than 65536 bytes"):
        reading.body(Request(body=body + b" "), Wanted)


@pytest.mark.parametrize(
    ("body", "field", "problem"),
    [
        (b"{}", "channel", "Object missing required field `channel`"),
        (b'{"channel": "x", "kinds": ["a", 1]}', "kinds[1]", "Expected `str`, got `int`"),
        (b'{"channel": "x", "colour": 1}', "colour", "Object contains unknown field `colour`"),
        (b"[]", "", "Expected `object`, got `array`"),
    ],
)
def test_what_is_wrong_in_a_body_is_named_by_its_path(body: bytes, field: str, problem: str) -> None:
    """Or as a whole."""
    with pytest.raises(BadInput) as refused:
        reading.body(Request(body=body), Wanted)
    assert (refused.value.field, refused.value.problem) == (field, problem)


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"channel": "\xff"}'])
def test_what_is_no_json_is_wrong_as_a_whole(body: bytes) -> None:
    """Broken off, or not UTF-8."""
    with pytest.raises(BadInput, match=r"^the body is not JSON: "):
        reading.body(Request(body=body), Wanted)


@pytest.mark.parametrize("route", [{"vault": "kv-orders", "name": "a_b"}, {"vault": "k", "name": "web"}, {}])
def test_a_name_that_none_can_have_is_not_looked_for(route: dict[str, str]) -> None:
    """Neither a vault's nor a certificate's: 404 before any table is asked."""
    with pytest.raises(Declined, match="no vault or certificate can have that name"):
        reading.certificate(asks(**route))
    assert str(reading.certificate(asks(vault="KV-Orders", name="Web"))) == "kv-orders/web"


def test_how_long_a_reason_a_name_and_a_filter_may_be() -> None:
    """500, 80 and 256 letters."""
    assert reading.reason("r" * 500) == "r" * 500
    assert reading.actor(Request(actor="a" * 80)) == f"api ({'a' * 80})"
    assert reading.word({"owner": "o" * 256}, "owner") == "o" * 256
    with pytest.raises(BadInput, match="reason"):
        reading.reason("r" * 501)
    with pytest.raises(BadInput, match="X-Perennial-Actor"):
        reading.actor(Request(actor="a" * 81))
    with pytest.raises(BadInput, match="owner"):
        reading.word({"owner": "o" * 257}, "owner")


def test_the_first_year_that_a_table_knows() -> None:
    """1601."""
    assert reading.instant({"at": "1601-01-01T00:00:00Z"}, "at") == datetime(1601, 1, 1, tzinfo=UTC)
    with pytest.raises(BadInput):
        reading.instant({"at": "1600-12-31T23:59:59Z"}, "at")


def test_who_asks_and_why_are_words_of_one_line() -> None:
    """Nobody in particular is the API; no name and no reason holds what cannot be printed."""
    assert (reading.actor(Request()), reading.actor(Request(actor=" ada "))) == ("api", "api (ada)")
    with pytest.raises(BadInput, match="X-Perennial-Actor"):
        reading.actor(Request(actor="a\nb"))
    with pytest.raises(BadInput, match="reason"):
        reading.reason("a\nb")


def test_an_unknown_parameter_is_told_what_there_is() -> None:
    """Or that there is none."""
    with pytest.raises(BadInput, match=r"this takes vault, name$"):
        reading.query(Request(query={"colour": "red"}), "vault", "name")
    with pytest.raises(BadInput, match=r"this takes none$"):
        reading.query(Request(query={"colour": "red"}))


def test_no_body_is_an_empty_one() -> None:
    """What must be there is missed by its name."""
    with pytest.raises(BadInput) as refused:
        reading.body(Request(), Wanted)
    assert refused.value.field == "channel"
