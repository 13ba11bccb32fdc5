"""An acme-dns server: its two values, and each refusal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import trustme

from perennial.dns.acme_dns import AcmeDnsZone
from perennial.errors import DnsError
from tests.dns.acme_dns_server import AcmeDns, acme_dns
from tests.dns.places import setting

ZONE = "reg1.auth.test"
A, B, C = "a" * 43, "b" * 43, "c" * 43
PASSWORD = "a password of a registration"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[AcmeDns]:
    """A server with one registration, which this process trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with acme_dns(authority) as running:
        running.register("reg1", "ada", PASSWORD)
        yield running


def zone(api: str, *, password: str = PASSWORD, **options: str) -> AcmeDnsZone:
    """Return the registration's zone."""
    told = {"api": api, "user": "ada", "secret": "PASSWORD"} | options
    return AcmeDnsZone(setting(ZONE, "acme-dns", **told), {"PASSWORD": password}.__getitem__, read_seconds=0.5)


def refusal(asked: AcmeDnsZone, name: str = ZONE) -> DnsError:
    """Return what a write is refused with."""
    with pytest.raises(DnsError) as error:
        asked.present(name, A)
    assert error.value.fix
    assert PASSWORD not in f"{error.value} {error.value.fix}"
    return error.value


def test_the_last_two_values_stay(server: AcmeDns) -> None:
    """An apex and its wildcard, then the next order's."""
    for value in (A, B, C):
        zone(server.api).present(ZONE, value)
    assert server.values["reg1"] == [B, C]


def test_clean_asks_nothing(server: AcmeDns) -> None:
    """The server has no removal."""
    zone(server.api).clean(ZONE, A)
    assert server.asked == 0


def test_the_subdomain_is_the_first_label_or_the_option(server: AcmeDns) -> None:
    """As a registration's full domain is made."""
    server.register("another", "ada", PASSWORD)
    zone(server.api, subdomain="another").present(ZONE, A)
    assert server.values == {"reg1": [], "another": [A]}


def test_a_path_before_the_api_is_kept(server: AcmeDns) -> None:
    """Behind a reverse proxy; this server has none and says so."""
    assert refusal(zone(f"{server.api}/acme-dns/")).what.startswith(f"acme-dns, {ZONE}: 404")


def test_a_name_below_the_registration_is_not_delegated(server: AcmeDns) -> None:
    """The CNAME must end at the registration itself."""
    error = refusal(zone(server.api), f"x.{ZONE}")
    assert (error.code, error.fix) == ("not-delegated", f"let the CNAME end at {ZONE}")
    assert server.asked == 0


def test_a_wrong_password_is_a_persons_to_mend(server: AcmeDns) -> None:
    """401: dns-refused, naming what to correct."""
    error = refusal(zone(server.api, password="another"))
    assert error.code == "dns-refused"
    assert "correct user and secret" in error.fix


def test_a_password_that_is_not_set_is_named(server: AcmeDns) -> None:
    """Nothing is sent."""
    assert "PERENNIAL_SECRET_PASSWORD" in refusal(zone(server.api, password="")).fix
    assert server.asked == 0


@pytest.mark.parametrize(
    ("status", "headers", "code", "wait"),
    [
        (429, {"Retry-After": "30"}, "dns-throttled", timedelta(seconds=30)),
        (503, {"Retry-After": "60"}, "dns-down", timedelta(minutes=1)),
        (500, {}, "dns-down", None),
        (302, {"Location": "https://elsewhere.test/"}, "dns-refused", None),
        (400, {}, "dns-refused", None),
    ],
)
def test_an_answer_says_who_must_act(
    server: AcmeDns, status: int, headers: dict[str, str], code: str, wait: timedelta | None
) -> None:
    """Each once, without a repeat or a redirect followed."""
    server.answer = status, headers
    error = refusal(zone(server.api))
    assert (error.code, error.retry_after) == (code, wait)
    assert server.asked == 1


def test_a_server_that_is_silent_is_down(server: AcmeDns) -> None:
    """After the time-out, once."""
    server.hang = threading.Event()
    error = refusal(zone(server.api))
    server.hang.set()
    assert error.code == "dns-down"
    assert server.asked == 1


def test_a_server_of_a_stranger_is_not_trusted(
    server: AcmeDns, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another CA's certificate, or none listening: nothing is sent."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    assert refusal(zone(server.api)).code == "dns-down"
    assert refusal(zone("https://127.0.0.1:1")).code == "dns-down"
    assert server.asked == 0
