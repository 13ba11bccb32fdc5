"""What the contract of Resolver leaves open: public suffixes, servers that fail one by one, long answers, addresses."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from localazure.client import LocalAzure
from perennial.adapters.resolver import DnsResolver
from perennial.errors import DnsError
from tests.dns.bind import SECONDARY, VALIDATION, Bind

VALUE = "v" * 43


@pytest.fixture
def resolver(azure: LocalAzure) -> DnsResolver:
    """A resolver that asks the local Azure, and is impatient."""
    return DnsResolver((azure.dns_server,), try_seconds=0.7)


@pytest.mark.parametrize("suffix", ["com", "co.uk"])
def test_a_public_suffix_is_nobodys_zone(azure: LocalAzure, resolver: DnsResolver, suffix: str) -> None:
    """A name that is not registered lies in no zone, though the suffix has one."""
    azure.dns.zone(suffix)
    try:
        assert resolver.zone(f"_acme-challenge.www.nobody-has-this.{suffix}") is None
        assert resolver.zone(suffix) is None
        with pytest.raises(DnsError) as error:
            resolver.lacking(f"nobody-has-this.{suffix}", VALUE)
    finally:
        azure.dns.remove(suffix)
    assert error.value.code == "not-delegated"


def test_a_top_level_domain_of_ones_own_is_a_zone(azure: LocalAzure, resolver: DnsResolver) -> None:
    """What is not on the list of public suffixes may be a company's own."""
    azure.dns.zone("corp")
    try:
        found = resolver.zone("www.corp")
    finally:
        azure.dns.remove("corp")
    assert found is not None
    assert found.apex == "corp"


def test_a_server_that_does_not_answer_is_named(bind: Bind) -> None:
    """It counts as lacking, with the reason."""
    asked = DnsResolver((bind.resolver,), try_seconds=0.7)
    assert asked.lacking("x.silent.test", VALUE) == (
        "ns1.servers.test",
        "ns9.servers.test (no answer from 127.0.0.9)",
    )


def test_servers_are_asked_side_by_side_within_seconds(bind: Bind) -> None:
    """A silent server takes two tries' time, not more."""
    asked = DnsResolver((bind.resolver,), try_seconds=1.5)
    began = time.monotonic()
    with bind.silence(SECONDARY):
        assert "ns2.servers.test (no answer from 127.0.0.2)" in asked.lacking(f"x.{VALIDATION}", VALUE)
    assert time.monotonic() - began < 10
    assert asked.lacking(f"x.{VALIDATION}", VALUE) == ("ns1.servers.test", "ns2.servers.test")


def test_a_server_without_an_address_is_named(azure: LocalAzure, resolver: DnsResolver, zone: str) -> None:
    """Nobody can ask it."""
    azure.dns.zone(zone, records={"@": {"NS": ["ns.nobody-has-this.invalid."]}, "x": {"TXT": [VALUE]}})
    assert resolver.lacking(f"x.{zone}", VALUE) == ("ns.nobody-has-this.invalid (no address)",)


def test_a_server_that_is_not_authoritative_lacks_everything(bind: Bind) -> None:
    """A lame delegation: the server refuses, or answers for another."""
    other = DnsResolver((bind.resolver,), try_seconds=0.7)
    assert other.lacking("x.lame.test", VALUE) == (
        "ns1.servers.test",
        "ns2.servers.test (no answer from 127.0.0.2)",
    )


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ({"A": ["127.0.0.1"], "AAAA": ["::1"]}, ()),
        ({"A": ["127.0.0.1"], "AAAA": ["2001:db8::1"]}, ()),
        ({"AAAA": ["::1"]}, ("ns.ZONE (no answer from ::1)",)),
        ({"A": ["127.0.0.1", "127.0.0.9"]}, ("ns.ZONE (no answer from 127.0.0.9)",)),
    ],
)
def test_every_address_counts_but_ipv6_where_ipv4_answers(
    azure: LocalAzure, resolver: DnsResolver, zone: str, addresses: dict[str, list[str]], expected: tuple[str, ...]
) -> None:
    """Not every machine has a way to IPv6: such an address is no reason to wait for ever."""
    azure.dns.zone(zone, records={"@": {"NS": [f"ns.{zone}."]}, "ns": addresses, "x": {"TXT": [VALUE]}})
    assert resolver.lacking(f"x.{zone}", VALUE) == tuple(text.replace("ZONE", zone) for text in expected)


def test_a_long_answer_comes_over_tcp(azure: LocalAzure, resolver: DnsResolver, zone: str) -> None:
    """More values than a datagram holds are read all the same."""
    values = [f"{number:03}" * 20 for number in range(60)]
    azure.dns.zone(zone, records={"x": {"TXT": values}})
    assert resolver.lacking(f"x.{zone}", values[-1]) == ()
    assert resolver.lacking(f"x.{zone}", VALUE)


def test_a_value_in_several_strings_is_one_value(azure: LocalAzure, resolver: DnsResolver, zone: str) -> None:
    """The strings of a TXT record are joined."""
    azure.dns.zone(zone, records={"x": {"TXT": ['"one " "two"']}})
    assert resolver.lacking(f"x.{zone}", "one two") == ()
    assert resolver.lacking(f"x.{zone}", "two")


def test_lacking_follows_a_cname_into_another_zone(azure: LocalAzure, resolver: DnsResolver, zone: str) -> None:
    """The servers of the zone where the name ends are asked for the name where it ends."""
    azure.dns.zone(zone, records={"_acme-challenge": {"CNAME": [f"end.{zone}."]}, "end": {"TXT": [VALUE]}})
    assert resolver.lacking(f"_acme-challenge.{zone}", VALUE) == ()
    assert resolver.lacking(f"end.{zone}", VALUE) == ()


def test_what_a_resolver_says_of_dnssec_is_quoted(azure: LocalAzure, resolver: DnsResolver, zone: str) -> None:
    """Its extended error goes into the text."""
    azure.dns.zone(zone, bogus=True)
    assert f"the signatures of {zone} do not hold" in resolver.broken(f"www.{zone}")


def test_a_zone_with_broken_dnssec_gives_no_answer(azure: LocalAzure, resolver: DnsResolver, zone: str) -> None:
    """Every other question about it is an error, as it is to the CA."""
    azure.dns.zone(zone, bogus=True)
    with pytest.raises(DnsError) as error:
        resolver.caa(f"www.{zone}")
    assert error.value.code == "dns-down"


def test_the_second_resolver_is_asked_where_the_first_is_silent(azure: LocalAzure, zone: str) -> None:
    """One dead resolver is not the end."""
    asked = DnsResolver(("127.0.0.9:1", azure.dns_server), try_seconds=0.7)
    assert asked.alias(f"www.{zone}") == f"www.{zone}"
    assert asked.broken(f"www.{zone}") == ""


@pytest.mark.parametrize("server", ["nowhere", "1.2.3.4:x", ""])
def test_a_server_that_is_no_address_is_refused(server: str) -> None:
    """The settings say so before; nothing is asked here."""
    with pytest.raises(ValueError, match=r"address|invalid literal"):
        DnsResolver((server,))


def test_addresses_may_have_ports_and_be_of_either_kind() -> None:
    """Nothing is asked before the first question."""
    for servers in ((), ("1.2.3.4",), ("1.2.3.4:5353",), ("::1",), ("[::1]",), ("[::1]:5353",)):
        DnsResolver(servers)


def test_without_servers_the_systems_are_asked(tmp_path: Path) -> None:
    """Those of its file; and a machine that knows none says so."""
    file = tmp_path / "resolv.conf"
    file.write_text("nameserver 127.0.0.9\nsearch example.com\n")
    system = DnsResolver(try_seconds=0.1, system=str(file))
    for ask in (system.alias, system.broken):
        with pytest.raises(DnsError, match=r"dns-down") as error:
            ask("www.example.com")
        assert "PERENNIAL_DNS_SERVERS" in error.value.fix
    nobody = DnsResolver(try_seconds=0.1, system=str(tmp_path / "none"))
    for ask in (nobody.alias, nobody.broken):
        with pytest.raises(DnsError, match=r"knows no resolver"):
            ask("www.example.com")


@pytest.mark.parametrize("name", ["a" * 64 + ".example.com", "a..example.com", ".".join(["abcdefgh"] * 32)])
def test_what_is_no_name_is_told(resolver: DnsResolver, name: str) -> None:
    """Before anybody is asked, by every question."""
    for ask in (resolver.alias, resolver.zone, resolver.caa, resolver.broken):
        with pytest.raises(DnsError) as error:
            ask(name)
        assert error.value.code == "bad-name"
