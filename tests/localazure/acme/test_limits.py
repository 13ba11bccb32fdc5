"""Rate limits: token buckets, Let's Encrypt's words, and who is exempt."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from localazure.acme.ca import Ca
from localazure.acme.conduct import Conduct, Limit, Trouble
from localazure.acme.limits import Buckets, domains, registered_domain
from localazure.acme.problems import Problem
from tests.localazure.acme.subscriber import Subscriber, refused, subscribed
from tests.localazure.clock import Clock

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AGAIN = re.compile(r"retry after (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC: see https://")


def limits(**given: tuple[int, float]) -> Conduct:
    """Return a conduct with these limits."""
    return Conduct(limits={name: Limit(count=count, seconds=seconds) for name, (count, seconds) in given.items()})


def test_a_bucket_lets_a_burst_through_and_then_refills_evenly() -> None:
    """Three at once, the fourth after a third of the span, not before; the refusal says when."""
    buckets, three = Buckets(), {"orders": Limit(count=3, seconds=30)}
    for _ in range(3):
        buckets.check(three, "orders", "1", NOW)
        buckets.spend(three, "orders", "1", NOW)
    with pytest.raises(Problem) as full:
        buckets.check(three, "orders", "1", NOW)
    assert full.value.headers == {"Retry-After": "10"}
    with pytest.raises(Problem):
        buckets.check(three, "orders", "1", NOW + timedelta(seconds=9.9))
    buckets.check(three, "orders", "1", NOW + timedelta(seconds=10))
    buckets.check(three, "orders", "2", NOW)


@pytest.mark.parametrize(
    ("name", "domain"),
    [
        ("www.example.com", "example.com"),
        ("*.example.com", "example.com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("co.uk", "co.uk"),
    ],
)
def test_names_count_by_their_registered_domain(name: str, domain: str) -> None:
    """One label below the public suffix; a suffix counts by itself."""
    assert registered_domain(name) == domain


def test_an_order_counts_once_for_each_domain() -> None:
    """Two names of one domain are one; an address counts by itself."""
    names = (("dns", "a.example.com"), ("dns", "b.example.com"), ("ip", "192.0.2.1"))
    assert domains(names) == ["192.0.2.1", "example.com"]


def test_too_many_orders_are_refused_with_the_time_in_header_and_text(ca: Ca, subscriber: Subscriber) -> None:
    """429, rateLimited, Retry-After, and Let's Encrypt's sentence."""
    ca.conduct = limits(orders=(2, 7200))
    subscriber.order("a.example.com")
    subscriber.order("b.example.com")
    status, problem = subscriber.raw("newOrder", {"identifiers": [{"type": "dns", "value": "c.example.com"}]})
    assert (status, problem["type"]) == (429, "urn:ietf:params:acme:error:rateLimited")
    assert problem["detail"].startswith("too many new orders (2) from this account in the last 2:00:00")
    found = AGAIN.search(problem["detail"])
    assert found
    assert timedelta(minutes=58) < datetime.fromisoformat(f"{found[1]}+00:00") - datetime.now(UTC) < timedelta(hours=1)


def test_certificates_count_by_domain_at_issuance(ca: Ca, subscriber: Subscriber) -> None:
    """Orders without a certificate do not count; a renewal of the same names does not either."""
    ca.conduct = limits(domain=(1, 1e6))
    subscriber.order("open.example.com")
    subscriber.obtain("www.example.com")
    with refused("rateLimited"):
        subscriber.order("new.example.com")
    subscriber.order("new.example.net")
    subscriber.obtain("www.example.com")


def test_the_same_names_count_even_when_they_are_renewed(ca: Ca, subscriber: Subscriber) -> None:
    """The exact set is limited for renewals too, another set is not."""
    ca.conduct = limits(set=(2, 1e6))
    subscriber.obtain("www.example.com")
    subscriber.obtain("www.example.com")
    with refused("rateLimited"):
        subscriber.order("www.example.com")
    subscriber.order("www.example.com", "api.example.com")


def test_failed_authorizations_count_by_name(ca: Ca, subscriber: Subscriber) -> None:
    """One failure too many stops orders with this name for a while, and no others."""
    ca.conduct = limits(failed=(1, 1e6))
    ca.troubles.append(Trouble(on="validation", type="dns", status=400))
    order = subscriber.order("www.example.com")
    subscriber.answer(order)
    with refused("rateLimited"):
        subscriber.order("www.example.com", "api.example.com")
    subscriber.order("api.example.com")


def test_accounts_are_limited(clock: Clock) -> None:
    """A second new account is refused; the first is still found."""
    with subscribed(limits(accounts=(1, 1e6)), clock) as (_, subscriber), subscriber.stranger() as other:
        with refused("rateLimited"):
            other.register()
        assert subscriber.order("www.example.com")


def test_a_refused_order_spends_nothing(ca: Ca, subscriber: Subscriber, clock: Clock) -> None:
    """What was refused does not push the time of the next order away."""
    ca.conduct = limits(orders=(1, 3600))
    subscriber.order("a.example.com")
    for _ in range(5):
        with refused("rateLimited"):
            subscriber.order("b.example.com")
    clock.advance(seconds=3601)
    subscriber.order("b.example.com")
