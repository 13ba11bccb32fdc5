"""What an order may say that it replaces (RFC 9773 §5), and what that exempts it from."""

from __future__ import annotations

import pytest
from acme import errors
from cryptography import x509

from localazure.acme.ca import Ca
from localazure.acme.conduct import Conduct, Limit
from localazure.acme.jws import encode
from localazure.acme.signing import ari_id
from tests.localazure.acme.subscriber import Subscriber, refused, subscribed
from tests.localazure.clock import Clock

STRICT = Conduct(limits={"orders": Limit(count=1, seconds=3600)})


def obtain(subscriber: Subscriber, *names: str) -> str:
    """Get a certificate and return its id."""
    return ari_id(subscriber.obtain(*names)[0])


def test_a_certificate_is_replaced_once(ca: Ca, subscriber: Subscriber) -> None:
    """The order shows what it replaces; a second one is 409 while the first lives, and after its certificate came."""
    first = obtain(subscriber, "www.example.com")
    order = subscriber.order("www.example.com", replaces=first)
    assert next(reversed(ca.books.orders.values())).replaces == first
    with pytest.raises(errors.ConflictError):
        subscriber.order("www.example.com", replaces=first)
    subscriber.hasten(order)
    with pytest.raises(errors.ConflictError):
        subscriber.order("www.example.com", replaces=first)


def test_the_answer_to_a_second_replacement_names_its_type(subscriber: Subscriber) -> None:
    """Seen without the library, which hides it: 409 and alreadyReplaced."""
    first = obtain(subscriber, "www.example.com")
    subscriber.order("www.example.com", replaces=first)
    status, problem = subscriber.raw(
        "newOrder", {"identifiers": [{"type": "dns", "value": "www.example.com"}], "replaces": first}
    )
    assert (status, problem["type"]) == (409, "urn:ietf:params:acme:error:alreadyReplaced")


def test_an_expired_replacement_does_not_count(ca: Ca, subscriber: Subscriber, clock: Clock) -> None:
    """An order that was never finished gives the certificate free when it expires."""
    first = obtain(subscriber, "www.example.com")
    ca.conduct = Conduct(authorization_reuse=False)
    open_order = subscriber.order("www.example.com", replaces=first)
    clock.advance(days=8)
    assert subscriber.order("www.example.com", replaces=first).uri != open_order.uri


def test_an_unknown_certificate_is_not_found(ca: Ca, subscriber: Subscriber) -> None:
    """Of this CA's issuer, but never issued: 404, in Boulder's type for it."""
    unknown = f"{encode(ca.hierarchy.key_identifier)}.{encode(b'1234')}"
    status, problem = subscriber.raw(
        "newOrder", {"identifiers": [{"type": "dns", "value": "www.example.com"}], "replaces": unknown}
    )
    assert (status, problem["type"]) == (404, "urn:ietf:params:acme:error:malformed")
    assert not ca.books.orders


@pytest.mark.parametrize("wrong", ["rubbish", "AAAA.BBBB.CCCC", "!!.AAAA"])
def test_rubbish_is_malformed(subscriber: Subscriber, wrong: str) -> None:
    """An id that is none is refused, not ignored."""
    with refused("malformed"):
        subscriber.order("www.example.com", replaces=wrong)


def test_another_cas_certificate_is_not_found(subscriber: Subscriber) -> None:
    """A certificate of another CA has another issuer key: 404."""
    with subscribed() as (_, elsewhere):
        foreign = obtain(elsewhere, "www.example.com")
    status, _ = subscriber.raw(
        "newOrder", {"identifiers": [{"type": "dns", "value": "www.example.com"}], "replaces": foreign}
    )
    assert status == 404


def test_another_account_replaces_nothing(subscriber: Subscriber) -> None:
    """Who did not order a certificate is unauthorized to replace it."""
    first = obtain(subscriber, "www.example.com")
    with subscriber.stranger() as other:
        other.register()
        with refused("unauthorized") as found:
            other.order("www.example.com", replaces=first)
    assert "requester account did not request the certificate" in str(found[0].detail)


def test_a_name_must_be_in_common(subscriber: Subscriber) -> None:
    """All names changed is malformed; one kept is enough."""
    first = obtain(subscriber, "www.example.com", "api.example.com")
    with refused("malformed"):
        subscriber.order("new.example.com", replaces=first)
    subscriber.order("new.example.com", "api.example.com", replaces=first)


def test_a_replacement_within_the_window_is_exempt_from_limits(clock: Clock) -> None:
    """With the one order of the hour spent, only the right `replaces` at the right time is let through."""
    with subscribed(STRICT, clock) as (ca, subscriber):
        leaf: x509.Certificate = subscriber.obtain("www.example.com")[0]
        ca.conduct = Conduct(limits={"orders": Limit(count=1, seconds=1e7)})
        ca.buckets.spend(ca.conduct.limits, "orders", "1", clock())
        with refused("rateLimited"):
            subscriber.order("www.example.com", "a.example.com", replaces=ari_id(leaf))
        clock.advance(days=60)
        subscriber.order("www.example.com", "a.example.com", replaces=ari_id(leaf))
        assert next(reversed(ca.books.orders.values())).exempt
        with refused("rateLimited"):
            subscriber.order("www.example.com", "b.example.com")


def test_where_there_is_no_renewal_information_replaces_is_ignored(ca: Ca, subscriber: Subscriber) -> None:
    """A CA without ARI reads no `replaces`, as RFC 8555 has it for unknown members."""
    ca.conduct = Conduct(ari=False)
    subscriber.order("www.example.com", replaces="rubbish")
