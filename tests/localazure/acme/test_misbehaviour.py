"""What a CA does wrong when it is told to."""

from __future__ import annotations

import pytest
import requests
from acme import messages
from cryptography import x509
from cryptography.exceptions import InvalidSignature

from localazure.acme.ca import Ca
from localazure.acme.conduct import Conduct, Kind, Spoilt, Trouble
from tests.localazure.acme.subscriber import Subscriber, csr, refused
from tests.localazure.acme.test_acme_library import names_of
from tests.localazure.clock import Clock

WWW = {"identifiers": [{"type": "dns", "value": "www.example.com"}]}


@pytest.mark.parametrize("kind", ["new-order", "order", "authorization", "challenge", "finalize", "certificate"])
def test_a_problem_answers_the_next_request_of_its_kind_once(ca: Ca, subscriber: Subscriber, kind: Kind) -> None:
    """One request fails with the problem given, the next of the kind works."""
    ca.troubles.append(Trouble(on=kind, type="rateLimited", status=429, detail="later"))
    with refused("rateLimited"):
        order = subscriber.order("www.example.com")
        subscriber.answer(order)
        subscriber.client._post_as_get(order.uri)
        subscriber.hasten(order)
    assert not ca.troubles
    assert subscriber.obtain("www.example.com")


def test_a_problem_may_come_before_the_effect_or_after_it(ca: Ca, subscriber: Subscriber) -> None:
    """Before: no order. After: the order is there though the client heard of a failure, and it is found again by asking once more."""
    ca.troubles.append(Trouble(on="new-order"))
    assert subscriber.raw("newOrder", WWW)[0] == 500
    assert not ca.books.orders
    ca.troubles.append(Trouble(on="new-order", after_effect=True))
    assert subscriber.raw("newOrder", WWW)[0] == 500
    assert len(ca.books.orders) == 1
    assert subscriber.order("www.example.com").uri.endswith(next(iter(ca.books.orders)))


def test_a_problem_carries_what_it_was_given(ca: Ca, subscriber: Subscriber) -> None:
    """Type, status, detail and subproblems; and it stays for as many requests as it was ordered for."""
    parts: list[dict[str, object]] = [{"type": "urn:ietf:params:acme:error:caa", "detail": "no"}]
    ca.troubles.append(Trouble(on="new-order", type="compound", status=403, detail="two", subproblems=parts, times=2))
    for _ in range(2):
        status, problem = subscriber.raw("newOrder", WWW)
        assert (status, problem) == (
            403,
            {"type": "urn:ietf:params:acme:error:compound", "detail": "two", "status": 403, "subproblems": parts},
        )
    assert subscriber.raw("newOrder", WWW)[0] == 201


@pytest.mark.parametrize("again", [30.0, "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_retry_after_is_seconds_or_a_date(ca: Ca, subscriber: Subscriber, again: float | str) -> None:
    """Both forms of the header (RFC 9110 §10.2.3)."""
    ca.troubles.append(Trouble(on="directory", status=503, retry_after=again))
    answer = requests.get(subscriber.directory, timeout=10)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30" if again == 30.0 else again)
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_every_nth_nonce_is_refused(ca: Ca, subscriber: Subscriber) -> None:
    """With two, each second signed request is badNonce; the library's retry gets through."""
    ca.conduct = Conduct(nonce_refusal=2)
    codes = [subscriber.raw("newOrder", WWW)[0] for _ in range(4)]
    assert codes.count(400) == 2
    assert subscriber.obtain("www.example.com")


@pytest.mark.parametrize("kind", ["dns", "caa", "unauthorized", "connection"])
def test_a_validation_fails_with_the_problem_given(ca: Ca, subscriber: Subscriber, kind: str) -> None:
    """The challenge shows it, the authorization and the order are invalid, and a new order gets a new authorization."""
    ca.troubles.append(Trouble(on="validation", type=kind, status=403, detail="as ordered"))
    order = subscriber.order("www.example.com")
    subscriber.answer(order)
    (authorization,) = subscriber.read(order).authorizations
    assert authorization.body.status == messages.STATUS_INVALID
    error = authorization.body.challenges[0].error
    assert error
    assert (error.typ, error.detail) == (f"urn:ietf:params:acme:error:{kind}", "as ordered")
    assert subscriber.client._post_as_get(order.uri).json()["status"] == "invalid"
    assert subscriber.obtain("www.example.com")


def test_issuance_fails_after_finalize_was_taken(ca: Ca, subscriber: Subscriber) -> None:
    """The order becomes invalid with the problem, and nothing was issued."""
    ca.troubles.append(Trouble(on="issuance", type="caa", status=403, detail="forbidden meanwhile"))
    order = subscriber.order("www.example.com")
    subscriber.answer(order)
    body = subscriber.finalize(order)
    assert body.status == messages.STATUS_INVALID
    assert body.error
    assert body.error.typ == "urn:ietf:params:acme:error:caa"
    assert not ca.books.certificates


def test_validation_can_be_slow(ca: Ca, subscriber: Subscriber, clock: Clock) -> None:
    """An answered challenge is processing until its time has come, with a Retry-After; then it is valid."""
    ca.conduct = Conduct(validation_delay=60, retry_after=7)
    order = subscriber.order("www.example.com")
    subscriber.answer(order)
    answer = subscriber.client._post_as_get(order.body.authorizations[0])
    assert (answer.json()["status"], answer.headers["Retry-After"]) == ("pending", "7")
    assert answer.json()["challenges"][0]["status"] == "processing"
    clock.advance(seconds=61)
    assert subscriber.client._post_as_get(order.uri).json()["status"] == "ready"


def test_finalize_can_be_slow(ca: Ca, subscriber: Subscriber, clock: Clock) -> None:
    """A finalized order is processing until its time has come, cannot be finalized again, and then has its one certificate."""
    ca.conduct = Conduct(finalize_delay=60, retry_after=7)
    order = subscriber.order("www.example.com")
    subscriber.answer(order)
    assert subscriber.finalize(order).status == messages.STATUS_PROCESSING
    with refused("orderNotReady"):
        subscriber.finalize(order)
    answer = subscriber.client._post_as_get(order.uri)
    assert (answer.json()["status"], answer.headers["Retry-After"]) == ("processing", "7")
    assert "certificate" not in answer.json()
    clock.advance(seconds=61)
    done = subscriber.client._post_as_get(order.uri).json()
    assert done["status"] == "valid"
    assert x509.load_pem_x509_certificates(subscriber.client._post_as_get(done["certificate"]).content)
    assert len(ca.books.certificates) == 1


@pytest.mark.parametrize("spoilt", ["wrong-order", "no-intermediate", "expired", "other-key", "other-names"])
def test_a_chain_can_be_bad(ca: Ca, subscriber: Subscriber, clock: Clock, spoilt: Spoilt) -> None:
    """Each way is bad in just that way."""
    ca.conduct = Conduct(chain=spoilt)
    request = csr(["www.example.com"])
    order = subscriber.order("www.example.com").update(csr_pem=request)
    subscriber.answer(order)
    chain = subscriber.hasten(order)
    leaf = chain[-1] if spoilt == "wrong-order" else chain[0]
    assert (leaf.not_valid_after_utc < clock()) is (spoilt == "expired")
    assert (leaf.public_key() != x509.load_pem_x509_csr(request).public_key()) is (spoilt == "other-key")
    assert (names_of(leaf) != ["www.example.com"]) is (spoilt == "other-names")
    assert (len(chain) == 1) is (spoilt == "no-intermediate")
    if spoilt == "wrong-order":
        with pytest.raises((InvalidSignature, ValueError)):
            chain[0].verify_directly_issued_by(chain[1])


def test_an_order_expires(ca: Ca, subscriber: Subscriber, clock: Clock) -> None:
    """After its span an open order is invalid, and finalize says so."""
    order = subscriber.order("www.example.com", profile="tlsserver")
    clock.advance(hours=9)
    assert subscriber.client._post_as_get(order.uri).json()["status"] == "invalid"
    with refused("orderNotReady"):
        subscriber.finalize(order)


def test_a_forgotten_account_is_named_as_such(ca: Ca, subscriber: Subscriber) -> None:
    """AccountDoesNotExist for whatever it signs."""
    ca.books.accounts.clear()
    with refused("accountDoesNotExist"):
        subscriber.order("www.example.com")


def test_a_forgotten_order_is_not_found(ca: Ca, subscriber: Subscriber) -> None:
    """404 for an order that is no longer there."""
    order = subscriber.order("www.example.com")
    ca.books.orders.clear()
    status, _ = subscriber.raw(order.uri, {})
    assert status == 404


def test_a_ca_that_is_down_answers_as_a_network_would(ca: Ca, subscriber: Subscriber) -> None:
    """503 with a page and no problem document, or no answer at all; then it is back."""
    ca.conduct = Conduct(down="503")
    answer = requests.get(subscriber.directory, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    ca.conduct = Conduct(down="drop")
    with pytest.raises(requests.ConnectionError):
        requests.get(subscriber.directory, timeout=10)
    ca.conduct = Conduct()
    assert requests.get(subscriber.directory, timeout=10).status_code == 200
