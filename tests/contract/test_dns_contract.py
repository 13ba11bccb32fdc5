"""The contract of DnsProvider, clause by clause: in memory, Azure DNS on the local Azure, BIND by RFC 2136, an acme-dns server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from perennial import dns
from perennial.errors import DnsError
from tests.dns.places import Place, in_memory, on_acme_dns, on_azure, on_bind

A, B, THEIRS = "a" * 43, "b" * 43, "t" * 43


@pytest.fixture(params=["memory", *dns.PROVIDERS])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Place]:
    """Each provider, with its other side."""
    opened: contextlib.AbstractContextManager[Place]
    match request.param:
        case "memory":
            opened = in_memory()
        case "azure":
            opened = on_azure(request.getfixturevalue("azure"), monkeypatch)
        case "rfc2136":
            opened = on_bind(request.getfixturevalue("bind"))
        case _:
            opened = on_acme_dns(monkeypatch, tmp_path)
    with opened as found:
        yield found


def test_present_adds_a_value(place: Place) -> None:
    """It is there."""
    name = place.name("once")
    place.provider.present(name, A)
    assert place.values(name) == [A]


def test_present_may_be_repeated(place: Place) -> None:
    """One value stays one, except at acme-dns, which keeps the last two of whatever comes."""
    name = place.name("twice")
    place.provider.present(name, A)
    place.provider.present(name, A)
    assert set(place.values(name)) == {A}
    assert len(place.values(name)) == 1 or not place.removes


def test_an_apex_and_its_wildcard_have_one_name(place: Place) -> None:
    """Two values at one name are both there, also when they come at once."""
    name = place.name("both")
    with ThreadPoolExecutor(2) as at_once:
        list(at_once.map(lambda value: place.provider.present(name, value), (A, B)))
    assert place.values(name) == [A, B]


def test_values_of_others_survive(place: Place) -> None:
    """Neither present nor clean touches what another tool put there."""
    name = place.name("other")
    place.put(name, THEIRS)
    place.provider.present(name, A)
    assert place.values(name) == [A, THEIRS]
    place.provider.clean(name, A)
    assert THEIRS in place.values(name)


def test_clean_removes_our_value(place: Place) -> None:
    """It is gone, and a second time is fine; where none can be removed, it stays."""
    name = place.name("gone")
    place.provider.present(name, A)
    place.provider.clean(name, A)
    place.provider.clean(name, A)
    assert place.values(name) == ([] if place.removes else [A])


def test_clean_of_what_never_was_is_fine(place: Place) -> None:
    """No set, no error."""
    place.provider.clean(place.name("never"), A)
    assert place.values(place.name("never")) == []


def test_serves_names_the_configured_zone(place: Place) -> None:
    """It is the zone of the setting: the apex, or at acme-dns the registration."""
    name = place.name("served")
    assert place.provider.serves(name) == (place.zone if place.removes else name)


def test_a_name_in_no_zone_has_no_provider(place: Place) -> None:
    """The error names the name, and what a person does."""
    for method in (place.provider.serves, lambda name: place.provider.present(name, A)):
        with pytest.raises(DnsError, match=r"holds www\.elsewhere\.test") as error:
            method("www.elsewhere.test")
        assert error.value.code == "no-provider"
        assert "PERENNIAL_ZONES" in error.value.fix


def test_a_refused_write_says_who_must_act(place: Place) -> None:
    """The error is dns-refused, has a fix, and nothing was written."""
    name = place.name("refused")
    with place.refuse(), pytest.raises(DnsError) as error:
        place.provider.present(name, A)
    assert error.value.code == "dns-refused"
    assert error.value.fix
    assert place.values(name) == []
