"""A CA that looks for the proof in the local Azure's DNS, over UDP."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from acme import messages

from localazure.acme.alone import alone
from localazure.acme.ca import Ca
from localazure.acme.conduct import Conduct
from localazure.client import LocalAzure
from tests.localazure.acme.subscriber import Subscriber

SERIAL = itertools.count(1)


@pytest.fixture
def asking(azure: LocalAzure) -> Iterator[tuple[Ca, Subscriber]]:
    """Run a CA that asks the local Azure's DNS server, with an account at it."""
    with alone(Conduct(validation="dns", dns_server=azure.dns_server)) as (ca, directory):
        subscriber = Subscriber(directory)
        subscriber.register()
        yield ca, subscriber
        subscriber.net.session.close()


@pytest.fixture
def zone(azure: LocalAzure) -> Iterator[str]:
    """Give the name of a zone that no other test uses."""
    name = f"proved-{next(SERIAL)}.test"
    yield name
    azure.dns.remove(name)


class Zone:
    """A zone's records as a test writes them."""

    def __init__(self, azure: LocalAzure, name: str, **records: dict[str, list[str]]) -> None:
        self._azure, self.name = azure, name
        self.records: dict[str, dict[str, list[str]]] = dict(records)
        azure.dns.zone(name, records=self.records)

    def put(self, place: str, value: str) -> None:
        """Add a TXT value."""
        relative = place.removesuffix(f".{self.name}")
        self.records.setdefault(relative, {}).setdefault("TXT", []).append(f'"{value}"')
        self._azure.dns.zone(self.name, records=self.records)


def outcome(subscriber: Subscriber, order: messages.OrderResource) -> list[str]:
    """Return the types of the errors of an order's authorizations, or their status where there is none."""
    found = []
    for one in subscriber.read(order).authorizations:
        error = next((item.error for item in one.body.challenges if item.error), None)
        found.append(str(error.code) if error else one.body.status.name)
    return found


def test_apex_and_wildcard_are_proved_by_two_values(
    azure: LocalAzure, asking: tuple[Ca, Subscriber], zone: str
) -> None:
    """Both values stand at one name, and each authorization finds its own."""
    place = Zone(azure, zone)
    order = asking[1].order(zone, f"*.{zone}")
    asking[1].answer(order, place.put)
    assert outcome(asking[1], order) == ["valid", "valid"]


def test_a_missing_or_wrong_value_fails(azure: LocalAzure, asking: tuple[Ca, Subscriber], zone: str) -> None:
    """Nothing there and something else there are unauthorized, each said so."""
    place = Zone(azure, zone)
    _, subscriber = asking
    none, wrong = subscriber.order(f"none.{zone}"), subscriber.order(f"wrong.{zone}")
    subscriber.answer(none, lambda where, value: None)
    subscriber.answer(wrong, lambda where, value: place.put(where, value[::-1]))
    assert outcome(subscriber, none) == outcome(subscriber, wrong) == ["unauthorized"]
    details = [subscriber.read(one).authorizations[0].body.challenges[0].error for one in (none, wrong)]
    assert details[0]
    assert details[1]
    assert f"No TXT record found at _acme-challenge.none.{zone}" in str(details[0].detail)
    assert "Incorrect TXT record" in str(details[1].detail)


def test_an_alias_leads_into_another_zone(azure: LocalAzure, asking: tuple[Ca, Subscriber], zone: str) -> None:
    """A CNAME at the challenge's name is followed; the value stands where it leads."""
    other = Zone(azure, f"validation-{zone}")
    Zone(azure, zone, **{"_acme-challenge.www": {"CNAME": [f"www.validation-{zone}."]}})
    order = asking[1].order(f"www.{zone}")
    asking[1].answer(order, lambda where, value: other.put(f"www.validation-{zone}", value))
    assert outcome(asking[1], order) == ["valid"]
    azure.dns.remove(f"validation-{zone}")


@pytest.mark.parametrize(
    ("records", "case"),
    [
        ({}, ("www", "valid")),
        ({"@": ['0 issue "ca-alone.example"']}, ("www", "valid")),
        ({"@": ['0 issue "other.example"']}, ("www", "caa")),
        ({"@": ['0 issue ";"']}, ("www", "caa")),
        ({"@": ['0 issue "other.example"'], "www": ['0 issue "ca-alone.example"']}, ("www", "valid")),
        ({"@": ['0 issue "ca-alone.example"', '0 issuewild ";"']}, ("www", "valid")),
        ({"@": ['0 issue "ca-alone.example"', '0 issuewild ";"']}, ("*", "caa")),
        ({"@": ['0 issue "other.example"', '0 issuewild "ca-alone.example"']}, ("*", "valid")),
        ({"@": ['0 iodef "mailto:a@example.com"']}, ("www", "valid")),
    ],
)
def test_caa_decides(
    azure: LocalAzure,
    asking: tuple[Ca, Subscriber],
    zone: str,
    records: dict[str, list[str]],
    case: tuple[str, str],
) -> None:
    """The nearest CAA records must name the CA; for a wildcard `issuewild` comes first (RFC 8659)."""
    place = Zone(azure, zone, **{name: {"CAA": texts} for name, texts in records.items()})
    host, expected = case
    order = asking[1].order(f"{host}.{zone}")
    asking[1].answer(order, place.put)
    assert outcome(asking[1], order) == [expected]


def test_caa_may_be_left_out(azure: LocalAzure, asking: tuple[Ca, Subscriber], zone: str) -> None:
    """A CA that is told not to look issues against CAA."""
    ca, subscriber = asking
    ca.conduct = Conduct(validation="dns", dns_server=azure.dns_server, caa=False)
    place = Zone(azure, zone, **{"@": {"CAA": ['0 issue ";"']}})
    order = subscriber.order(f"www.{zone}")
    subscriber.answer(order, place.put)
    assert outcome(subscriber, order) == ["valid"]


def test_a_server_that_fails_is_a_dns_problem(azure: LocalAzure, asking: tuple[Ca, Subscriber], zone: str) -> None:
    """A zone whose DNSSEC is broken, and a server that is not there."""
    ca, subscriber = asking
    azure.dns.zone(zone, bogus=True)
    order = subscriber.order(f"www.{zone}")
    subscriber.answer(order)
    assert outcome(subscriber, order) == ["dns"]
    ca.conduct = Conduct(validation="dns", dns_server="127.0.0.1:9")
    order = subscriber.order(f"api.{zone}")
    subscriber.answer(order)
    assert outcome(subscriber, order) == ["dns"]


def test_other_challenges_fail_where_the_dns_is_asked(asking: tuple[Ca, Subscriber]) -> None:
    """http-01 has no web server to look at: connection."""
    order = asking[1].order("www.example.test")
    (authorization,) = order.authorizations
    http = next(one for one in authorization.body.challenges if one.chall.typ == "http-01")
    asking[1].client.answer_challenge(http, http.chall.response(asking[1].key))
    assert outcome(asking[1], order) == ["connection"]
