"""When a CA would have a certificate renewed (RFC 9773)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from localazure.acme.conduct import Conduct, Window
from perennial.errors import IssuerError
from tests.authorities.acme.ordered import NOW, Bench, bench

WWW = ("www.example.com",)
START, END = NOW + timedelta(days=10), NOW + timedelta(days=12)


def certificate(one: Bench) -> str:
    """Issue a certificate and return its identifier."""
    one.issue(WWW)
    one.ca.books.requests.clear()
    return next(iter(one.ca.books.certificates.values())).ari_id


def test_a_window_is_told_with_when_to_ask_again() -> None:
    """Start, end, explanation; the next question is the CA's Retry-After from now."""
    with bench() as one:
        ari_id = certificate(one)
        one.ca.windows.append(Window(start=START, end=END, explanation="https://ca.example/why", retry_after=7200))
        found = one.authority.suggest(ari_id, one.now)
        assert found is not None
        assert (found.start, found.end) == (START, END)
        assert found.ask_again == one.now + timedelta(hours=2)
        assert found.explanation == "https://ca.example/why"


def test_it_is_asked_without_signature_nonce_or_account() -> None:
    """One GET (RFC 9773 §4.1); the vault of the account's key is not asked, nor is the row."""
    with bench() as one:
        ari_id = certificate(one)
        one.keys.calls.clear()
        assert one.authority.suggest(ari_id, one.now) is not None
        assert dict(one.ca.books.requests) == {"renewal-info": 1}
        assert not one.keys.calls


def test_a_third_of_the_life_left_is_the_cas_usual_window() -> None:
    """The window that a CA computes is read as it is."""
    with bench() as one:
        found = one.authority.suggest(certificate(one), one.now)
        assert found is not None
        middle = found.start + (found.end - found.start) / 2
        assert abs(middle - (NOW + timedelta(days=60))) < timedelta(hours=2)


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        (None, timedelta(hours=6)),
        (0, timedelta(minutes=1)),
        (1, timedelta(minutes=1)),
        (61, timedelta(seconds=61)),
        (10 * 86400, timedelta(days=1)),
        ("soon", timedelta(hours=6)),
    ],
)
def test_retry_after_is_kept_within_bounds(said: float | str | None, wait: timedelta) -> None:
    """A minute to a day (RFC 9773 §4.3.2); six hours where the CA says nothing that can be read."""
    with bench(Conduct(ari_retry_after=21600)) as one:
        ari_id = certificate(one)
        one.ca.windows.append(Window(start=START, end=END, retry_after="" if said is None else said))
        found = one.authority.suggest(ari_id, one.now)
        assert found is not None
        assert found.ask_again - one.now == wait


@pytest.mark.parametrize("end", [START, START - timedelta(days=1)])
def test_an_end_that_is_not_after_the_start_is_no_answer(end: datetime) -> None:
    """RFC 9773 §4.2: as if the CA had said nothing."""
    with bench() as one:
        ari_id = certificate(one)
        one.ca.windows.append(Window(start=START, end=end))
        assert one.authority.suggest(ari_id, one.now) is None


def test_a_window_in_the_past_is_a_window() -> None:
    """What is revoked, or will be: renew now."""
    with bench() as one:
        ari_id = certificate(one)
        one.ca.windows.append(Window(start=NOW - timedelta(days=2), end=NOW - timedelta(days=1)))
        found = one.authority.suggest(ari_id, one.now)
        assert found is not None
        assert found.end < one.now


def test_times_are_utc_and_whole_seconds() -> None:
    """Whatever zone the CA writes in."""
    with bench() as one:
        ari_id = certificate(one)
        body = '{"suggestedWindow": {"start": "2026-12-01T02:00:00.75+02:00", "end": "2026-12-02T00:00:00Z"}}'
        one.ca.windows.append(Window(body=body))
        found = one.authority.suggest(ari_id, one.now)
        assert found is not None
        assert found.start == datetime(2026, 12, 1, tzinfo=UTC)
        assert found.start.tzinfo is UTC


def test_a_ca_without_renewal_information_says_nothing() -> None:
    """It is not asked."""
    with bench(Conduct(ari=False)) as one:
        ari_id = certificate(one)
        assert one.authority.suggest(ari_id, one.now) is None
        assert one.asked("renewal-info") == 0


def test_a_certificate_that_the_ca_does_not_know_has_no_window() -> None:
    """404 is an answer."""
    with bench() as one:
        certificate(one)
        assert one.authority.suggest("AAAA.BBBB", one.now) is None
        assert one.authority.suggest("", one.now) is None


@pytest.mark.parametrize(
    "answer",
    [
        Window(status=503, retry_after=300),
        Window(status=500),
        Window(status=429, retry_after=300),
        Window(body="<html>"),
        Window(body='{"suggestedWindow": {"start": "yesterday", "end": "2026-12-02T00:00:00Z"}}'),
    ],
)
def test_a_ca_that_gives_no_usable_answer_is_asked_later(answer: Window) -> None:
    """Temporary, with the CA's own Retry-After; nothing of it is permanent."""
    with bench() as one:
        ari_id = certificate(one)
        one.ca.windows.append(answer)
        with pytest.raises(IssuerError) as raised:
            one.authority.suggest(ari_id, one.now)
        assert not raised.value.permanent
        if answer.retry_after:
            assert raised.value.retry_after == timedelta(seconds=300)


def test_a_broken_connection_is_asked_later() -> None:
    """The same for no answer at all."""
    with bench() as one:
        ari_id = certificate(one)
        one.ca.conduct = Conduct(down="drop")
        with pytest.raises(IssuerError) as raised:
            one.authority.suggest(ari_id, one.now)
        assert raised.value.code == "ca-down"


def test_an_explanation_that_is_no_address_is_left_out() -> None:
    """It is shown as a link."""
    with bench() as one:
        ari_id = certificate(one)
        one.ca.windows.append(Window(start=START, end=END, explanation="javascript:alert(1)"))
        found = one.authority.suggest(ari_id, one.now)
        assert found is not None
        assert found.explanation == ""
