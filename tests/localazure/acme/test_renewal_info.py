"""Renewal information (RFC 9773 §4): the usual window, and every answer that a client must bear."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import urllib3
from cryptography.hazmat.primitives import serialization

from localazure.acme.ca import Ca
from localazure.acme.conduct import Conduct, Window
from localazure.acme.jws import encode
from localazure.acme.signing import ari_id
from tests.localazure.acme.subscriber import Subscriber
from tests.localazure.clock import Clock

PAST = datetime(2020, 1, 1, tzinfo=UTC)


def ask(subscriber: Subscriber, wanted: str) -> urllib3.BaseHTTPResponse:
    """Ask without a signature."""
    url = f"{subscriber.client.directory['renewalInfo']}/{wanted}"
    with urllib3.PoolManager(retries=False, timeout=10) as http:
        return http.request("GET", url)


def window(answer: urllib3.BaseHTTPResponse) -> tuple[datetime, datetime]:
    """Return the window of an answer."""
    found = answer.json()["suggestedWindow"]
    return datetime.fromisoformat(found["start"]), datetime.fromisoformat(found["end"])


@pytest.mark.parametrize(("profile", "left"), [("classic", 3), ("tlsserver", 3), ("shortlived", 2)])
def test_the_window_lies_where_a_third_of_the_life_is_left(subscriber: Subscriber, profile: str, left: int) -> None:
    """A half for lives below ten days; one per cent to either side; asked again after six hours."""
    leaf, _ = subscriber.obtain("www.example.com", profile=profile)
    life = leaf.not_valid_after_utc + timedelta(seconds=1) - leaf.not_valid_before_utc
    answer = ask(subscriber, ari_id(leaf))
    start, end = window(answer)
    second = timedelta(seconds=1)
    assert abs(end - start - life / 50) <= second
    assert abs(leaf.not_valid_after_utc - (start + (end - start) / 2) - life / left) <= second
    assert answer.headers["Retry-After"] == "21600"


def test_the_certbot_library_finds_the_same_certificate(subscriber: Subscriber) -> None:
    """The id that the library builds of a certificate is the one that the CA knows."""
    leaf, _ = subscriber.obtain("www.example.com")
    pem = leaf.public_bytes(serialization.Encoding.PEM)
    when, _ = subscriber.client.renewal_time(pem)
    assert when is not None
    start, end = window(ask(subscriber, ari_id(leaf)))
    assert start <= when <= end


def test_an_unknown_certificate_is_not_found(ca: Ca, subscriber: Subscriber) -> None:
    """404 for what was never issued, 400 for what is no id."""
    assert ask(subscriber, f"{encode(ca.hierarchy.key_identifier)}.AAAA").status == 404
    assert ask(subscriber, "rubbish").status == 400


def test_a_revoked_certificate_is_to_be_replaced_now(ca: Ca, subscriber: Subscriber, clock: Clock) -> None:
    """Its window lies in the past, with a page that says why; another certificate's does not move."""
    leaf, _ = subscriber.obtain("www.example.com")
    other, _ = subscriber.obtain("other.example.com")
    subscriber.client.revoke(leaf, 4)
    answer = ask(subscriber, ari_id(leaf))
    assert window(answer)[1] < clock()
    assert answer.json()["explanationURL"].startswith("https://")
    assert window(ask(subscriber, ari_id(other)))[0] > clock()


def test_the_newest_ordered_window_that_fits_is_answered(ca: Ca, subscriber: Subscriber) -> None:
    """For all, for one name, for one serial number; without any the usual one comes back."""
    leaf, _ = subscriber.obtain("www.example.com")
    other, _ = subscriber.obtain("other.example.com")
    ca.windows += [
        Window(start=PAST, end=PAST + timedelta(hours=1), explanation="https://ca.example/why", retry_after=7)
    ]
    ca.windows += [Window(start=PAST, end=PAST + timedelta(hours=2), name="www.example.com")]
    answer = ask(subscriber, ari_id(other))
    assert (window(answer)[1], answer.headers["Retry-After"]) == (PAST + timedelta(hours=1), "7")
    assert answer.json()["explanationURL"] == "https://ca.example/why"
    assert window(ask(subscriber, ari_id(leaf)))[1] == PAST + timedelta(hours=2)
    ca.windows += [Window(start=PAST, end=PAST + timedelta(hours=3), serial=f"{leaf.serial_number:x}")]
    assert window(ask(subscriber, ari_id(leaf)))[1] == PAST + timedelta(hours=3)
    ca.windows.clear()
    assert window(ask(subscriber, ari_id(leaf)))[0] > PAST + timedelta(days=365)


def test_a_window_may_end_before_it_starts(ca: Ca, subscriber: Subscriber) -> None:
    """What the RFC forbids can be answered all the same."""
    leaf, _ = subscriber.obtain("www.example.com")
    ca.windows.append(Window(start=PAST + timedelta(hours=1), end=PAST))
    start, end = window(ask(subscriber, ari_id(leaf)))
    assert end < start


@pytest.mark.parametrize("status", [404, 429, 503])
def test_an_answer_may_fail(ca: Ca, subscriber: Subscriber, status: int) -> None:
    """Any status, with a Retry-After."""
    leaf, _ = subscriber.obtain("www.example.com")
    ca.windows.append(Window(status=status, retry_after="Wed, 21 Oct 2026 07:28:00 GMT"))
    answer = ask(subscriber, ari_id(leaf))
    assert (answer.status, answer.headers["Retry-After"]) == (status, "Wed, 21 Oct 2026 07:28:00 GMT")


def test_an_answer_may_be_garbled(ca: Ca, subscriber: Subscriber) -> None:
    """The body is sent as it was ordered."""
    leaf, _ = subscriber.obtain("www.example.com")
    ca.windows.append(Window(body='{"suggestedWindow": '))
    answer = ask(subscriber, ari_id(leaf))
    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.data)


def test_a_ca_may_have_none(ca: Ca, subscriber: Subscriber) -> None:
    """The directory then has no renewalInfo."""
    ca.conduct = Conduct(ari=False)
    with urllib3.PoolManager(retries=False, timeout=10) as http:
        assert "renewalInfo" not in http.request("GET", subscriber.directory).json()
