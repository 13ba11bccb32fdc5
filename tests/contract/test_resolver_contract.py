"""The contract of Resolver, clause by clause: in memory, dnspython asking the local Azure's DNS, dnspython asking BIND."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from localazure.client import LocalAzure
from perennial.adapters.resolver import DnsResolver
from perennial.errors import DnsError
from perennial.ports.dns import Caa, Resolver, Zone
from tests.dns import bind as internet
from tests.dns.bind import Bind
from tests.dns.places import on_bind
from tests.memory.dns import MemoryDns

SERIAL = itertools.count(1)
VALUE = "v" * 43


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A resolver, and a DNS that has the same names in every case, under a zone of its own."""

    resolver: Resolver
    zone: str
    servers: tuple[str, ...]
    put: Callable[[str], None]  # puts VALUE at a label of the zone
    broken: str  # a zone whose DNSSEC does not hold
    down: Resolver  # one whose servers do not answer


CAAS = (Caa(False, "issue", "ca.example"), Caa(False, "issuewild", ";"))
STRICT = (Caa(True, "issue", "other.example; policy=ev"),)


@contextlib.contextmanager
def in_memory() -> Iterator[Side]:
    """The fake."""
    fake = MemoryDns(ours={"corp.test", "bogus.test"})
    fake.aliases = {
        "_acme-challenge.far.corp.test": "hop.corp.test",
        "hop.corp.test": "far.validation.test",
        "round.corp.test": "trip.corp.test",
        "trip.corp.test": "round.corp.test",
        "astray.corp.test": "nowhere.elsewhere.test",
        "lent.corp.test": "strict.corp.test",
        "lame.corp.test": "www.bogus.test",
    }
    fake.caas = {"corp.test": CAAS, "strict.corp.test": STRICT}
    fake.faults = {"bogus.test": "its DNSSEC does not hold"}
    yield Side(
        resolver=fake,
        zone="corp.test",
        servers=fake.servers,
        put=lambda label: fake.present(f"{label}.corp.test", VALUE),
        broken="bogus.test",
        down=MemoryDns(down=DnsError("dns-down", "told to", fix="tell it otherwise")),
    )


@contextlib.contextmanager
def on_local_azure(azure: LocalAzure) -> Iterator[Side]:
    """The local Azure's DNS, which is resolver and authoritative server in one."""
    zone = f"corp-{next(SERIAL)}.test"
    records: dict[str, object] = {
        "@": {"CAA": ['0 issue "ca.example"', '0 issuewild ";"']},
        "strict": {"CAA": ['128 issue "other.example; policy=ev"']},
        "lame": {"CNAME": ["www.bogus.test."]},
        "_acme-challenge.far": {"CNAME": [f"hop.{zone}."]},
        "hop": {"CNAME": ["far.validation.test."]},
        "round": {"CNAME": [f"trip.{zone}."]},
        "trip": {"CNAME": [f"round.{zone}."]},
        "astray": {"CNAME": ["nowhere.elsewhere.test."]},
    }
    records["lent"] = {"CNAME": [f"strict.{zone}."]}

    def put(label: str) -> None:
        azure.dns.zone(zone, records=records | {label: {"TXT": [f'"{VALUE}"']}})

    azure.dns.zone(zone, records=records)
    azure.dns.zone("bogus.test", bogus=True)
    yield Side(
        resolver=DnsResolver((azure.dns_server,)),
        zone=zone,
        servers=("ns1-01.azure-dns.com", "ns2-01.azure-dns.net"),
        put=put,
        broken="bogus.test",
        down=DnsResolver(("127.0.0.1:1",), try_seconds=0.2),
    )
    azure.dns.remove("bogus.test")
    azure.dns.remove(zone)


@contextlib.contextmanager
def over_bind(bind: Bind) -> Iterator[Side]:
    """BIND: delegations from the root, two servers a zone, validation."""
    with on_bind(bind) as place:
        yield Side(
            resolver=DnsResolver((bind.resolver,)),
            zone=internet.ZONE,
            servers=("ns1.servers.test", "ns2.servers.test"),
            put=lambda label: place.provider.present(f"{label}.{internet.ZONE}", VALUE),
            broken=internet.BOGUS,
            down=DnsResolver(("127.0.0.1:1",), try_seconds=0.2),
        )


@pytest.fixture(params=["memory", "local", "bind"])
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    """Each resolver."""
    opened: contextlib.AbstractContextManager[Side]
    match request.param:
        case "memory":
            opened = in_memory()
        case "local":
            opened = on_local_azure(request.getfixturevalue("azure"))
        case _:
            opened = over_bind(request.getfixturevalue("bind"))
    with opened as found:
        yield found


def test_alias_follows_cnames_to_their_end(side: Side) -> None:
    """Over several zones; the end need not exist."""
    assert side.resolver.alias(f"_acme-challenge.far.{side.zone}") == "far.validation.test"
    assert side.resolver.alias(f"astray.{side.zone}") == "nowhere.elsewhere.test"


def test_alias_without_a_cname_is_the_name(side: Side) -> None:
    """Whether the name exists or not."""
    assert side.resolver.alias(f"www.{side.zone}") == f"www.{side.zone}"
    assert side.resolver.alias(f"no.such.{side.zone}") == f"no.such.{side.zone}"


def test_alias_in_a_circle_is_an_error(side: Side) -> None:
    """It ends, and says what to correct."""
    with pytest.raises(DnsError) as error:
        side.resolver.alias(f"round.{side.zone}")
    assert error.value.code == "cname-loop"
    assert error.value.fix


def test_zone_is_the_nearest_above_a_name(side: Side) -> None:
    """Of the apex itself too, with the names of its servers."""
    for name in (side.zone, f"www.{side.zone}", f"no.such.name.{side.zone}"):
        assert side.resolver.zone(name) == Zone(side.zone, side.servers)


def test_zone_of_a_name_that_the_dns_does_not_know_is_none(side: Side) -> None:
    """No zone below a public suffix."""
    assert side.resolver.zone("www.nobody-has-this.invalid") is None


def test_lacking_names_all_servers_before_the_value_is_there(side: Side) -> None:
    """All of them lack it."""
    assert set(side.resolver.lacking(f"early.{side.zone}", VALUE)) == set(side.servers)


def test_lacking_is_empty_once_all_serve_the_value(side: Side) -> None:
    """And another value is lacking still."""
    side.put("there")
    waited = 0
    while side.resolver.lacking(f"there.{side.zone}", VALUE):  # BIND's second server copies the zone when it is told
        waited += 1
        assert waited < 500
    assert set(side.resolver.lacking(f"there.{side.zone}", "another")) == set(side.servers)


def test_caa_climbs_to_the_nearest_records(side: Side) -> None:
    """From a name, from a wildcard, and nothing where no parent has any."""
    assert set(side.resolver.caa(f"a.b.{side.zone}")) == set(CAAS)
    assert set(side.resolver.caa(f"*.{side.zone}")) == set(CAAS)
    assert side.resolver.caa(f"x.strict.{side.zone}") == STRICT
    assert side.resolver.caa("www.nobody-has-this.invalid") == ()


def test_caa_follows_a_cname(side: Side) -> None:
    """The records of a name are those where its CNAME ends (RFC 8659 §3)."""
    assert side.resolver.caa(f"lent.{side.zone}") == STRICT


def test_broken_says_what_is_wrong_with_dnssec(side: Side) -> None:
    """Where a validating resolver refuses what it answers without validation."""
    assert "DNSSEC" in side.resolver.broken(side.broken)
    assert "DNSSEC" in side.resolver.broken(f"_acme-challenge.www.{side.broken}")


def test_broken_looks_where_a_cname_leads(side: Side) -> None:
    """A CA follows it, so a sound zone with a name that leads into a broken one is no better."""
    assert "DNSSEC" in side.resolver.broken(f"lame.{side.zone}")


def test_about_a_broken_zone_nothing_else_is_answered(side: Side) -> None:
    """A validating resolver answers SERVFAIL to everything: dns-down."""
    questions: list[Callable[[str], object]] = [side.resolver.alias, side.resolver.zone, side.resolver.caa]
    for ask in questions:
        with pytest.raises(DnsError) as error:
            ask(f"www.{side.broken}")
        assert error.value.code == "dns-down"


def test_broken_is_empty_for_a_zone_in_order(side: Side) -> None:
    """Nothing to say."""
    assert side.resolver.broken(f"www.{side.zone}") == ""


def test_without_an_answer_every_question_is_an_error(side: Side) -> None:
    """dns-down, which says what to look at."""
    down = side.down
    questions: list[Callable[[str], object]] = [
        down.alias,
        down.zone,
        down.caa,
        down.broken,
        lambda name: down.lacking(name, VALUE),
    ]
    for ask in questions:
        with pytest.raises(DnsError) as error:
            ask("www.example.com")
        assert error.value.code == "dns-down"
        assert error.value.fix
