"""The DNS server, as a resolver and as an authoritative server, over UDP and TCP."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from localazure.client import LocalAzure, LocalAzureError
from tests.localazure.outside import Outside

SERIAL = itertools.count(1)
GROUP = "/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-local"


@pytest.fixture
def zone(azure: LocalAzure) -> Iterator[str]:
    """A zone that no other test uses."""
    name = f"served-{next(SERIAL)}.test"
    azure.dns.zone(name, records={"www": {"A": ["192.0.2.1"], "AAAA": ["2001:db8::1"]}, "deep.er": {"TXT": ["x"]}})
    yield name
    azure.dns.remove(name)


def ask(
    azure: LocalAzure, name: str, kind: str, *, recursive: bool = True, checking: bool = True, tcp: bool = False
) -> dns.message.Message:
    """Ask one question."""
    query = dns.message.make_query(name, kind, use_edns=0)
    query.flags = dns.flags.RD if recursive else dns.flags.Flag(0)
    if not checking:
        query.flags |= dns.flags.CD
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, "127.0.0.1", 5, azure.ready.dns)


def texts(response: dns.message.Message) -> list[str]:
    """Return what was answered, each record as text."""
    return [rdata.to_text() for rrset in response.answer for rdata in rrset]


def put(outside: Outside, zone: str, name: str, *values: list[str]) -> None:
    """Put a TXT set by Resource Manager."""
    url = f"https://management.azure.com{GROUP}/providers/Microsoft.Network/dnsZones/{zone}/TXT/{name}?api-version=2018-05-01"
    body = {"properties": {"TTL": 7, "TXTRecords": [{"value": value} for value in values]}}
    headers = {"Authorization": outside.token("https://management.azure.com")}
    assert outside.http.request("PUT", url, headers=headers, json=body).status in (200, 201)


@pytest.mark.parametrize("tcp", [False, True])
@pytest.mark.parametrize("recursive", [False, True])
def test_what_resource_manager_holds_is_served(
    azure: LocalAzure, outside: Outside, zone: str, *, tcp: bool, recursive: bool
) -> None:
    """With its TTL, strings apart, quotes and all; authoritatively to who does not ask for recursion."""
    put(outside, zone, "_acme-challenge", ["tok-A"], ["two ", 'str"ings'])
    response = ask(azure, f"_acme-challenge.{zone}", "TXT", recursive=recursive, tcp=tcp)
    assert sorted(texts(response)) == ['"tok-A"', '"two " "str\\"ings"']
    assert response.answer[0].ttl == 7
    assert bool(response.flags & dns.flags.AA) is not recursive


def test_records_of_the_order_are_served(azure: LocalAzure, zone: str) -> None:
    """Of any type that dnspython reads."""
    assert texts(ask(azure, f"WWW.{zone}", "A")) == ["192.0.2.1"]
    assert texts(ask(azure, f"www.{zone}", "AAAA")) == ["2001:db8::1"]


def test_an_apex_has_soa_and_ns(azure: LocalAzure, zone: str) -> None:
    """And the servers' names lead here."""
    assert sorted(texts(ask(azure, zone, "NS"))) == ["ns1-01.azure-dns.com.", "ns2-01.azure-dns.net."]
    assert texts(ask(azure, zone, "SOA"))[0].startswith("ns1-01.azure-dns.com.")
    assert texts(ask(azure, "ns2-01.azure-dns.net", "A")) == ["127.0.0.1"]


def test_nothing_at_a_name_is_told_from_no_such_name(azure: LocalAzure, zone: str) -> None:
    """NOERROR where there is something else, or something below; else NXDOMAIN; both with the zone's SOA (RFC 2308)."""
    for name, kind, rcode in (
        ("www", "TXT", dns.rcode.NOERROR),
        ("er", "TXT", dns.rcode.NOERROR),
        ("nothing", "TXT", dns.rcode.NXDOMAIN),
    ):
        response = ask(azure, f"{name}.{zone}", kind)
        assert response.rcode() == rcode
        assert response.answer == []
        assert response.authority[0].rdtype == dns.rdatatype.SOA


def test_a_cname_is_followed_for_who_asks_for_recursion(azure: LocalAzure, outside: Outside, zone: str) -> None:
    """Over zones; an authoritative server gives the CNAME alone."""
    other = f"other-{zone}"
    azure.dns.zone(zone, records={"_acme-challenge": {"CNAME": [f"end.{other}."]}})
    azure.dns.zone(other)
    put(outside, other, "end", ["tok"])
    assert texts(ask(azure, f"_acme-challenge.{zone}", "TXT")) == [f"end.{other}.", '"tok"']
    assert texts(ask(azure, f"_acme-challenge.{zone}", "TXT", recursive=False)) == [f"end.{other}."]
    assert texts(ask(azure, f"_acme-challenge.{zone}", "CNAME")) == [f"end.{other}."]
    azure.dns.remove(other)


def test_a_circle_of_cnames_ends(azure: LocalAzure, zone: str) -> None:
    """SERVFAIL, as resolvers answer."""
    azure.dns.zone(zone, records={"a": {"CNAME": [f"b.{zone}."]}, "b": {"CNAME": [f"a.{zone}."]}})
    assert ask(azure, f"a.{zone}", "TXT").rcode() == dns.rcode.SERVFAIL


def test_a_zone_that_nobody_has_is_unknown(azure: LocalAzure) -> None:
    """NXDOMAIN to who asks for recursion; else REFUSED."""
    assert ask(azure, "www.nobody.test", "A").rcode() == dns.rcode.NXDOMAIN
    assert ask(azure, "www.nobody.test", "A", recursive=False).rcode() == dns.rcode.REFUSED


def test_a_zone_that_is_not_delegated_only_its_servers_know(azure: LocalAzure, zone: str) -> None:
    """The rest of the DNS does not."""
    azure.dns.zone(zone, delegated=False, records={"www": {"A": ["192.0.2.1"]}})
    assert ask(azure, f"www.{zone}", "A").rcode() == dns.rcode.NXDOMAIN
    assert texts(ask(azure, f"www.{zone}", "A", recursive=False)) == ["192.0.2.1"]


def test_a_bogus_zone_fails_validation_alone(azure: LocalAzure, zone: str) -> None:
    """SERVFAIL with the reason; with checking disabled, and from its own servers, the answer."""
    azure.dns.zone(zone, bogus=True, records={"www": {"A": ["192.0.2.1"]}})
    response = ask(azure, f"www.{zone}", "A")
    assert response.rcode() == dns.rcode.SERVFAIL
    assert [int(option.code) for option in response.extended_errors()] == [6]
    assert texts(ask(azure, f"www.{zone}", "A", checking=False)) == ["192.0.2.1"]
    assert texts(ask(azure, f"www.{zone}", "A", recursive=False)) == ["192.0.2.1"]


def test_a_lag_shows_the_former_values_for_a_while(azure: LocalAzure, outside: Outside, zone: str) -> None:
    """What Resource Manager has taken is served later; so is a deletion."""
    put(outside, zone, "x", ["old"])
    azure.dns.zone(zone, lag=0.7)
    put(outside, zone, "x", ["new"])
    assert azure.dns.values(zone, "x") == ["new"]
    assert texts(ask(azure, f"x.{zone}", "TXT")) == ['"old"']
    assert _served(azure, f"x.{zone}", ['"new"'])
    headers = {"Authorization": outside.token("https://management.azure.com")}
    url = (
        f"https://management.azure.com{GROUP}/providers/Microsoft.Network/dnsZones/{zone}/TXT/x?api-version=2018-05-01"
    )
    assert outside.http.request("DELETE", url, headers=headers).status == 200
    assert azure.dns.values(zone, "x") == []
    assert texts(ask(azure, f"x.{zone}", "TXT")) == ['"new"']
    assert _served(azure, f"x.{zone}", [])


def _served(azure: LocalAzure, name: str, expected: list[str]) -> bool:
    """Wait until these values are served."""
    pause = threading.Event()
    for _ in range(200):
        if texts(ask(azure, name, "TXT")) == expected:
            return True
        pause.wait(0.05)
    return False


def test_an_answer_that_is_too_long_for_a_datagram_is_cut(azure: LocalAzure, zone: str) -> None:
    """TC over UDP; whole over TCP."""
    values = [f"{number:03}" * 20 for number in range(60)]
    azure.dns.zone(zone, records={"x": {"TXT": values}})
    response = ask(azure, f"x.{zone}", "TXT")
    assert response.flags & dns.flags.TC
    assert response.answer == []
    assert len(texts(ask(azure, f"x.{zone}", "TXT", tcp=True))) == len(values)


@pytest.mark.parametrize("wire", [b"", b"no dns message", b"\x00\x01\x80\x00" + b"\x00" * 8])
def test_what_is_no_query_gets_no_answer(azure: LocalAzure, zone: str, wire: bytes) -> None:
    """Neither nonsense nor a response; the server goes on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.2)
        sock.sendto(wire, ("127.0.0.1", azure.ready.dns))
        with pytest.raises(TimeoutError):
            sock.recv(512)
    with socket.create_connection(("127.0.0.1", azure.ready.dns), 5) as connection:
        connection.sendall(len(wire).to_bytes(2) + wire)
        assert connection.recv(512) == b""
    assert texts(ask(azure, f"www.{zone}", "A")) == ["192.0.2.1"]


def test_other_operations_are_not_played(azure: LocalAzure, zone: str) -> None:
    """NOTIMP to a notify."""
    query = dns.message.make_query(zone, "SOA")
    query.set_opcode(dns.opcode.NOTIFY)
    assert dns.query.udp(query, "127.0.0.1", 5, azure.ready.dns).rcode() == dns.rcode.NOTIMP


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"records": {"x": {"A": ["nowhere"]}}}, "records.x.A"),
        ({"records": {"x": {"NOSUCH": ["1"]}}}, "records.x.NOSUCH"),
        ({"lag": -1}, "lag"),
        ({"lock": "Ajar"}, "lock"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_order_is_refused_by_field(azure: LocalAzure, zone: str, order: dict[str, object], field: str) -> None:
    """And the zone stays as it was."""
    with pytest.raises(LocalAzureError, match=f"'field': '{field}'"):
        azure.dns.zone(zone, **order)
    assert texts(ask(azure, f"www.{zone}", "A")) == ["192.0.2.1"]


def test_a_zone_that_is_taken_away_is_gone(azure: LocalAzure) -> None:
    """Twice is an error."""
    azure.dns.zone("short.test")
    azure.dns.remove("short.test")
    assert ask(azure, "short.test", "SOA").rcode() == dns.rcode.NXDOMAIN
    with pytest.raises(LocalAzureError):
        azure.dns.remove("short.test")


def test_the_environment_names_the_server(azure: LocalAzure) -> None:
    """As the app's setting has it."""
    assert azure.environment()["PERENNIAL_DNS_SERVERS"] == azure.dns_server
