"""What a service answers, made safe to keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.model.answers import one_line, retry_after, wait_of

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
DATE = "Tue, 24 Nov 2026 09:00:00 GMT"
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("0", timedelta(0)),
        ("12", timedelta(seconds=12)),
        (" 30 ", timedelta(seconds=30)),
        ("9" * 400, DAY),
        ("Tue, 24 Nov 2026 09:01:30 GMT", timedelta(seconds=90)),
        ("Tue, 24 Nov 2026 09:01:30 -0000", timedelta(seconds=90)),
        ("Tue, 24 Nov 2026 08:00:00 GMT", timedelta(0)),
        ("Fri, 31 Dec 2100 23:59:59 GMT", DAY),
    ],
)
def test_a_retry_after_is_seconds_or_a_date_against_the_answers_own(text: str, wait: timedelta) -> None:
    """RFC 9110 allows both; no clock is read, and a day is the most that is believed."""
    assert retry_after({"Retry-After": text, "Date": DATE}) == wait
    assert wait_of(text, NOW) == wait


@pytest.mark.parametrize("text", ["", "soon", "-5", "1.5", "٣", "²", "Tue, 99 Nov 2026 09:01:30 GMT"])
def test_whatever_else_is_no_wait(text: str) -> None:
    """Digits of other scripts among it."""
    assert retry_after({"Retry-After": text, "Date": DATE}) is None


def test_a_date_needs_another() -> None:
    """Without the answer's own date, or with one that cannot be read, a date says nothing; seconds do."""
    for date in ({}, {"Date": "today"}):
        assert retry_after({"Retry-After": DATE} | date) is None
        assert retry_after({"Retry-After": "5"} | date) == timedelta(seconds=5)
    assert retry_after({"Date": DATE}) is None


def test_who_is_believed_for_longer_says_so() -> None:
    """A CA's limits last a week."""
    assert retry_after({"Retry-After": "700000"}, 7 * DAY) == 7 * DAY
    assert retry_after({"Retry-After": "500000"}, 7 * DAY) == timedelta(seconds=500000)


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d{1,12} Nov \d{1,12} \d\d:\d\d:\d\d [+-]\d{1,30}", fullmatch=True))
def test_no_text_breaks_it(text: str) -> None:
    """Whatever it is, it is a wait within a day or none."""
    wait = wait_of(text, NOW)
    assert wait is None or timedelta(0) <= wait <= DAY


def test_an_answer_becomes_one_short_line() -> None:
    """Control characters and length stay outside."""
    assert one_line("a\r\n\tb\x00\x1b[31m c ") == "a b [31m c"
    assert len(one_line("x" * 300)) == len(one_line("x" * 5000)) == 300
    assert one_line("x" * 301) == "x" * 299 + "…"
