"""One provider over all zones: the longest zone, CNAMEs, delegation, and what is wrong with a setting."""

from __future__ import annotations

from functools import partial

import pytest

from perennial import dns
from perennial.dns.zones import Place, Zones
from perennial.errors import DnsError
from tests.dns.places import setting, tools
from tests.memory.dns import MemoryDns

AZURE = {"subscription": "00000000-0000-4000-8000-000000000001", "resource_group": "rg-dns"}
RFC2136 = {"server": "ns1.corp.test:53", "key": "perennial", "secret": "TSIG"}
ACME_DNS = {"api": "https://auth.example.com", "user": "u", "secret": "ACME_DNS"}


def over(*zones: str, resolver: MemoryDns, provider: str = "azure") -> tuple[Zones, dict[str, MemoryDns]]:
    """Return Zones whose providers are fakes, and the fakes by zone."""
    fakes = {zone: MemoryDns(ours={zone}) for zone in zones}
    kind = dns.PROVIDERS[provider]
    return Zones({zone: Place(zone, kind, partial(fakes.__getitem__, zone)) for zone in zones}, resolver), fakes


def test_the_longest_zone_is_written() -> None:
    """A child zone of ours takes the names below it, its parent the others."""
    zones, fakes = over("example.com", "shop.example.com", resolver=MemoryDns())
    zones.present("_acme-challenge.shop.example.com", "a")
    zones.present("_acme-challenge.myshop.example.com", "b")
    assert fakes["shop.example.com"].calls == [("present", "_acme-challenge.shop.example.com")]
    assert fakes["example.com"].calls == [("present", "_acme-challenge.myshop.example.com")]


def test_a_cname_leads_to_the_zone_where_it_ends() -> None:
    """Present and clean both write there, under the name where it ends."""
    resolver = MemoryDns(aliases={"_acme-challenge.www.customer.test": "www.validation.test"})
    zones, fakes = over("validation.test", resolver=resolver)
    zones.present("_acme-challenge.www.customer.test", "a")
    zones.clean("_acme-challenge.www.customer.test", "a")
    assert fakes["validation.test"].calls == [("present", "www.validation.test"), ("clean", "www.validation.test")]


def test_a_cname_out_of_our_zones_has_no_provider() -> None:
    """Though the name itself lies in one: the CA follows the CNAME."""
    resolver = MemoryDns(aliases={"_acme-challenge.example.com": "x.somewhere.test"})
    zones, fakes = over("example.com", resolver=resolver)
    with pytest.raises(
        DnsError, match=r"x\.somewhere\.test \(where the CNAME of _acme-challenge\.example\.com leads\)"
    ) as error:
        zones.present("_acme-challenge.example.com", "a")
    assert error.value.code == "no-provider"
    assert not fakes["example.com"].calls


def test_names_are_compared_without_case_and_final_dot() -> None:
    """A name is a name."""
    zones, fakes = over("example.com", resolver=MemoryDns())
    zones.present("_ACME-challenge.Example.COM.", "a")
    assert fakes["example.com"].calls == [("present", "_acme-challenge.example.com")]


def test_serves_is_the_zone_that_the_dns_asks() -> None:
    """Delegated as it is written."""
    zones, _ = over("example.com", resolver=MemoryDns(ours={"example.com"}))
    assert zones.serves("_acme-challenge.www.example.com") == "example.com"


def test_a_zone_that_its_parent_does_not_know_is_not_delegated() -> None:
    """The parent zone must name its servers."""
    zones, _ = over("new.example.com", resolver=MemoryDns(ours={"example.com"}))
    with pytest.raises(DnsError, match=r"looks for .* in example\.com") as error:
        zones.serves("_acme-challenge.new.example.com")
    assert (error.value.code, error.value.fix) == (
        "not-delegated",
        "let example.com name the servers of new.example.com (NS records)",
    )


def test_a_name_in_a_child_zone_of_others_is_not_delegated() -> None:
    """Values written into the parent would never be seen."""
    zones, _ = over("example.com", resolver=MemoryDns(ours={"example.com"}, others={"team.example.com"}))
    with pytest.raises(
        DnsError, match=r"in team\.example\.com, which example\.com delegates to ns1\.example\.net"
    ) as error:
        zones.serves("_acme-challenge.www.team.example.com")
    assert error.value.code == "not-delegated"
    assert "add team.example.com to PERENNIAL_ZONES" in error.value.fix


def test_a_zone_that_nobody_registered_is_not_delegated() -> None:
    """The DNS knows nothing of it."""
    zones, _ = over("example.com", resolver=MemoryDns(ours=set()))
    with pytest.raises(DnsError, match=r"knows no zone for") as error:
        zones.serves("www.example.com")
    assert error.value.code == "not-delegated"


def test_a_registration_at_acme_dns_is_a_name_within_a_zone() -> None:
    """Its zone's apex is the acme-dns server's domain."""
    resolver = MemoryDns(ours={"auth.test"})
    zones, _ = over("reg1.auth.test", resolver=resolver, provider="acme-dns")
    assert zones.serves("reg1.auth.test") == "reg1.auth.test"


def test_a_name_below_a_registration_is_not_delegated() -> None:
    """It is seen before an order is placed, not when the value is written."""
    resolver = MemoryDns(ours={"auth.test"})
    zones, _ = over("reg1.auth.test", resolver=resolver, provider="acme-dns")
    with pytest.raises(DnsError, match=r"reg1\.auth\.test is one name") as error:
        zones.serves("_acme-challenge.reg1.auth.test")
    assert (error.value.code, error.value.fix) == ("not-delegated", "let the CNAME end at reg1.auth.test")


def test_a_resolver_that_is_down_stops_a_write() -> None:
    """Nobody knows where the name leads."""
    zones, fakes = over("example.com", resolver=MemoryDns(down=DnsError("dns-down", "no answer")))
    with pytest.raises(DnsError) as error:
        zones.present("www.example.com", "a")
    assert error.value.code == "dns-down"
    assert not fakes["example.com"].calls


@pytest.mark.parametrize(("provider", "options"), [("azure", AZURE), ("rfc2136", RFC2136), ("acme-dns", ACME_DNS)])
def test_a_good_zone_has_no_fault(provider: str, options: dict[str, str]) -> None:
    """And its provider is made without a connection, a token or a secret."""
    zone = setting("example.com", provider, **options)
    assert dns.check(zone) == []
    dns.build((zone,), tools(), MemoryDns())
    dns.PROVIDERS[provider]().make(zone, tools())


@pytest.mark.parametrize(
    ("provider", "options", "faults"),
    [
        ("route53", {}, ["provider: is none of azure, rfc2136, acme-dns"]),
        ("azure", {}, ["options.subscription: missing", "options.resource_group: missing"]),
        ("azure", AZURE | {"ttl": "0"}, ["options.ttl: is not a whole number from 1"]),
        ("azure", AZURE | {"resource_group": "rg/../x"}, ["options.resource_group: has a sign"]),
        ("azure", AZURE | {"secret": "X"}, ["options.secret: unknown; azure takes subscription, resource_group, ttl"]),
        ("rfc2136", RFC2136 | {"server": "ns1:99999"}, ["options.server: is no host"]),
        ("rfc2136", RFC2136 | {"server": "[::1"}, ["options.server: "]),
        ("rfc2136", RFC2136 | {"secret": "the key itself=="}, ["options.secret: give the NAME"]),
        ("rfc2136", RFC2136 | {"algorithm": "rot13"}, ["options.algorithm: is none of hmac-sha256"]),
        ("rfc2136", RFC2136 | {"port": "x"}, ["options.port: is not a whole number"]),
        ("acme-dns", ACME_DNS | {"api": "http://auth.example.com"}, ["options.api: is no https address"]),
        ("acme-dns", ACME_DNS | {"api": "https://u:p@x:y"}, ["options.api: "]),
        ("acme-dns", {}, ["options.api: missing", "options.user: missing", "options.secret: missing"]),
    ],
)  # fmt: skip
def test_a_fault_begins_with_its_field(provider: str, options: dict[str, str], faults: list[str]) -> None:
    """Each is told, in the words of the setting."""
    told = dns.check(setting("example.com", provider, **options))
    assert len(told) == len(faults)
    assert all(one.startswith(expected) for one, expected in zip(told, faults, strict=True))


def test_servers_of_either_kind_of_address_are_understood() -> None:
    """A host, an IPv4 or an IPv6 address, each with or without a port."""
    for server in ("ns1", "ns1:5353", "192.0.2.1:53", "::1", "[::1]", "[::1]:5353"):
        assert dns.check(setting("example.com", "rfc2136", **(RFC2136 | {"server": server}))) == []
