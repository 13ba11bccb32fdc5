"""The ACME benchmarks' own arithmetic, what stands between lego and the DNS, and a small fleet at a CA with a small limit."""

from __future__ import annotations

import json
import logging
from collections import Counter
from contextlib import ExitStack
from datetime import timedelta

import dns.message
import dns.query
import pytest
import urllib3

from bench import acme_calls, acme_fleet
from bench.acme_fleet import NOW, SPAN, Fleet
from bench.acme_lego import hook, relay
from bench.table import Run
from localazure.acme.store import Order
from localazure.client import LocalAzure

ZONE = "bench-lego.example"
DAY = timedelta(days=1)
WHOLE = Counter({"authorization": 2, "challenge": 2, "new-order": 1, "finalize": 1, "certificate": 1})


def test_requests_are_told_in_the_order_of_a_renewal() -> None:
    """With their sum; kinds that nobody expected are told too, and what follows the renewal apart."""
    asked = Counter({"certificate": 1, "new-order": 1, "authorization": 2, "revoke": 1, "renewal-info": 3})
    assert acme_calls.told(asked) == "5 (new-order 1, authorization 2, certificate 1, revoke 1; later renewal-info 3)"


def test_a_renewal_may_cost_its_own_requests_and_polls() -> None:
    """Three, two a name, a nonce, and as many polls as there were; what follows it is not of its cost."""
    cost = acme_calls.Cost(WHOLE | Counter({"order": 4, "renewal-info": 1}))
    assert (cost.total, acme_calls.allowed(cost.ca)) == (11, 12)
    worse = acme_calls.Cost(WHOLE | Counter({"new-account": 1, "account": 1}))
    assert worse.total > acme_calls.allowed(worse.ca)


def test_each_cost_is_held_against_its_own_budget() -> None:
    """A directory too many is over the budget of a process that knows the CA alone; a fourth call to the vault is one too many."""
    dear = acme_calls.Cost(WHOLE | Counter({"directory": 1, "new-nonce": 1}), vault=("GET", "POST", "POST", "GET"))
    kept = [figure.kept for figure in acme_calls.figures(dear, dear, dear)]
    assert kept == [True, False, False]


def test_without_lego_the_row_says_so() -> None:
    """Perennial's own figures stand, and why there is nothing beside them."""
    cheap = acme_calls.Cost(WHOLE, vault=("GET", "POST", "POST"))
    shown = list(acme_calls.figures(cheap, cheap, "not measured: install lego"))
    assert {(figure.beside, figure.kept) for figure in shown} == {("not measured: install lego", True)}


def test_a_relay_passes_questions_on_and_counts_them(azure: LocalAzure) -> None:
    """The answer is the server's own."""
    azure.dns.zone(ZONE, records={"www": {"A": ["192.0.2.7"]}})
    with relay(azure.dns_server) as passes:
        host, _, port = passes.address.partition(":")
        for _ in range(2):
            found = dns.query.udp(dns.message.make_query(f"www.{ZONE}", "A"), host, 5, int(port))
            assert [rdata.to_text() for rrset in found.answer for rdata in rrset] == ["192.0.2.7"]
        assert passes.questions == 2
    azure.dns.remove(ZONE)


def test_what_lego_orders_is_in_the_dns_until_it_is_cleaned(azure: LocalAzure) -> None:
    """Two values at one name live side by side; each order is counted."""
    azure.dns.zone(ZONE)
    name = f"_acme-challenge.{ZONE}"

    def values() -> list[str]:
        """Ask the DNS."""
        found = dns.query.udp(dns.message.make_query(name, "TXT"), "127.0.0.1", 5, azure.ready.dns)
        return sorted(rdata.to_text().strip('"') for rrset in found.answer for rdata in rrset)

    with hook(azure, ZONE) as writes, urllib3.PoolManager() as http:
        for path, value in (("present", "one"), ("present", "two"), ("cleanup", "one")):
            body = json.dumps({"fqdn": f"{name}.", "value": value})
            assert http.request("POST", f"{writes.url}/{path}", body=body).status == 200
            assert value in values() or path == "cleanup"
        assert (values(), writes.calls) == (["two"], 3)
    azure.dns.remove(ZONE)


def test_orders_are_counted_in_any_span() -> None:
    """The most within three hours, wherever they begin; the hour that ends one begins the next."""
    hours = (0, 1, 2.9, 3, 3.5, 9)
    assert acme_fleet.most([NOW + timedelta(hours=hour) for hour in hours]) == 4
    assert acme_fleet.most([NOW, NOW + SPAN]) == 1
    assert acme_fleet.most([]) == 0


def test_who_waits_in_vain_is_counted() -> None:
    """One that had to wait for the limit though another went that has more life left."""
    in_turn = [(NOW, NOW + DAY), (NOW, NOW + 2 * DAY), (NOW + SPAN, NOW + 3 * DAY)]
    assert acme_fleet.out_of_turn(in_turn) == 0
    assert acme_fleet.out_of_turn([*in_turn[:1], (NOW, NOW + 9 * DAY), *in_turn[2:]]) == 1
    assert acme_fleet.out_of_turn([]) == 0


def test_a_client_that_does_not_count_is_refused() -> None:
    """All beyond the limit; the limit alone holds the last of them up by a whole span."""
    assert (acme_fleet.impatient(500, 300), acme_fleet.impatient(300, 300)) == (200, 0)
    assert (acme_fleet.least(500, 300), acme_fleet.least(300, 300)) == (SPAN, timedelta())


def test_a_fleet_beyond_a_limit_is_renewed_within_it(caplog: pytest.LogCaptureFixture) -> None:
    """Both figures keep their budgets, and the workflows' own lines stay out of the benchmark's."""
    said: list[str] = []
    figures = list(acme_fleet.measure(Run(said.append, quick=True)))
    assert [figure.kept for figure in figures] == [True, True], figures
    assert len(said) == 2
    assert [one for one in caplog.records if one.name == "perennial"] == []
    assert logging.getLogger("perennial").level == logging.NOTSET


def test_a_fleet_that_is_not_due_is_not_renewed() -> None:
    """The negative: the hours pass, and nothing is ordered; the figure would not be kept."""
    with ExitStack() as stack:
        fleet = Fleet.opened(stack, 3, 2)
        fleet.on.run(timedelta(hours=3))
        assert fleet.issued() == []
        assert fleet.ca.books.requests["new-order"] == 0


def test_an_order_says_when_it_was_placed() -> None:
    """By the CA's own books: it expires a profile's time after that."""
    order = Order("1", "a", (("dns", "c.example"),), "classic", False, NOW + 7 * DAY, [])
    assert acme_fleet.placed(order) == NOW
