"""What a webhook may reach."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perennial.channels.addresses import Forbidden, Unresolved, resolve, wrong_with

PUBLIC = ["1.1.1.1", "20.50.2.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::"]
REFUSED = [
    "0.0.0.0",
    "10.0.0.5",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.170",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.251",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:168.63.129.16",
    "::10.0.0.5",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:a00:5::",
    "2002:7f00:1::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_may_be_reached(text: str) -> None:
    """An address of the internet needs no setting, in whatever form it comes."""
    assert wrong_with(ip_address(text), ()) == ""


@pytest.mark.parametrize("text", REFUSED)
def test_an_inner_address_may_not_be_reached(text: str) -> None:
    """Private, link-local, loopback, metadata, platform, multicast, reserved and unspecified ones are refused, wrapped in IPv6 too."""
    assert wrong_with(ip_address(text), ()) != ""


@given(st.ip_addresses(v=4))
def test_wrapping_changes_nothing(address: IPv4Address) -> None:
    """An IPv4 address is judged alike on its own, mapped, by 6to4 and by NAT64."""
    plain = wrong_with(address, ())
    mapped = ip_address(f"::ffff:{address}")
    nat64 = ip_address(f"64:ff9b::{address}")
    six = ip_address((0x2002 << 112) | (int(address) << 80))
    assert {wrong_with(mapped, ()), wrong_with(nat64, ()), wrong_with(six, ())} == {plain}


def test_a_setting_allows_its_range_and_no_other() -> None:
    """An allowed range opens itself, wrapped too, and nothing beside it."""
    allowed = (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    for text in ("10.1.2.3", "::ffff:10.1.2.3", "fd12::1"):
        assert wrong_with(ip_address(text), allowed) == ""
    for text in ("10.2.0.1", "169.254.169.254", "fe80::1"):
        assert wrong_with(ip_address(text), allowed) != ""


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "0177.0.0.1", "127.1", "::1", "[::1]"]
)
def test_every_spelling_of_an_inner_address_is_refused(host: str) -> None:
    """What the resolver understands as a loopback address is one."""
    with pytest.raises((Forbidden, Unresolved)):
        resolve(host, 443, ())


def test_what_is_allowed_resolves() -> None:
    """A host in an allowed range gives its addresses."""
    assert resolve("127.0.0.1", 443, (ip_network("127.0.0.0/8"),)) == (IPv4Address("127.0.0.1"),)


@pytest.mark.parametrize("host", ["nothing.invalid", "a..b", "a" * 64 + ".example", "\udcff.example"])
def test_a_name_without_an_address_is_unresolved(host: str) -> None:
    """A name that the resolver does not know, or cannot take, is a fault of its own kind."""
    with pytest.raises(Unresolved):
        resolve(host, 443, ())
