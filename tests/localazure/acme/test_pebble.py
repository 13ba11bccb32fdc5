"""Pebble with its front, as certbot's library and Debian's lego see it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import urllib3
from acme import errors, messages
from cryptography import x509

from localazure.acme.signing import ari_id
from localazure.client import LocalAzure, LocalAzureError
from localazure.install_pebble import find
from localazure.pebble import Manner, Pebble, Trust, pebble
from tests.localazure.acme.subscriber import PREFIX, Subscriber


@pytest.fixture(scope="module")
def running() -> Iterator[Pebble]:
    """Run one Pebble for this file, which reuses authorizations."""
    with pebble(Manner(authorization_reuse=100)) as found:
        yield found


@pytest.fixture
def subscriber(running: Pebble) -> Iterator[Subscriber]:
    """Give an account."""
    one = Subscriber(running.directory, str(running.ca))
    one.register()
    yield one
    one.net.session.close()


def obtain(running: Pebble, one: Subscriber, *names: str, replaces: str | None = None) -> x509.Certificate:
    """Get a certificate by way of the challenge test server."""
    order = one.order(*names, replaces=replaces)
    one.answer(order, running.set_txt)
    return one.hasten(order)[0]


def test_a_value_in_the_challenge_test_server_is_found(running: Pebble, subscriber: Subscriber) -> None:
    """Apex and wildcard are proved by two values at one name, and the chain ends at Pebble's root."""
    leaf = obtain(running, subscriber, "example.com", "*.example.com")
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"example.com", "*.example.com"}
    assert "BEGIN CERTIFICATE" in running.roots()


def test_without_the_value_the_authorization_fails(running: Pebble, subscriber: Subscriber) -> None:
    """Pebble really asks: nothing at the name is an invalid authorization."""
    order = subscriber.order("unproved.example.com")
    subscriber.answer(order, lambda place, value: None)
    with pytest.raises(errors.ValidationError):
        subscriber.finish(order)


def test_an_alias_is_followed_to_another_zone(running: Pebble, subscriber: Subscriber) -> None:
    """A value behind a CNAME at the challenge's name proves it."""
    running.set_alias("_acme-challenge.delegated.example.com", "delegated.validation.example.net")
    order = subscriber.order("delegated.example.com")
    subscriber.answer(order, lambda place, value: running.set_txt("delegated.validation.example.net", value))
    assert subscriber.hasten(order)


def test_the_front_knows_windows_and_replacement(running: Pebble, subscriber: Subscriber) -> None:
    """The directory names renewalInfo and profiles; a certificate is replaced once, then 409."""
    leaf = obtain(running, subscriber, "ari.example.com")
    http = urllib3.PoolManager(ca_certs=str(running.ca), retries=False)
    directory = http.request("GET", running.directory).json()
    assert set(directory["meta"]["profiles"]) == {"classic", "tlsserver", "shortlived"}
    answer = http.request("GET", f"{directory['renewalInfo']}/{ari_id(leaf)}")
    assert answer.headers["Retry-After"] == "21600"
    start = datetime.fromisoformat(answer.json()["suggestedWindow"]["start"])
    assert leaf.not_valid_before_utc < start < leaf.not_valid_after_utc
    obtain(running, subscriber, "ari.example.com", replaces=ari_id(leaf))
    with pytest.raises(errors.ConflictError):
        subscriber.order("ari.example.com", replaces=ari_id(leaf))
    http.clear()


def test_a_window_may_be_one_certificates_own(running: Pebble, subscriber: Subscriber) -> None:
    """Another's stays what the CA computes, and clients are told when to ask again."""
    one, other = (obtain(running, subscriber, f"{name}.example.com") for name in ("one", "other"))
    http = urllib3.PoolManager(ca_certs=str(running.ca), retries=False)
    where = http.request("GET", running.directory).json()["renewalInfo"]
    start = datetime(2026, 1, 1, tzinfo=UTC)
    running.set_window(start, start + timedelta(hours=1), only=ari_id(one))
    running.ask_again(60)
    answers = [http.request("GET", f"{where}/{ari_id(leaf)}") for leaf in (one, other)]
    begins = [datetime.fromisoformat(answer.json()["suggestedWindow"]["start"]) for answer in answers]
    assert begins[0] == start < begins[1]
    assert {answer.headers["Retry-After"] for answer in answers} == {"60"}
    running.clear_window()
    running.ask_again(21600)
    http.clear()


@pytest.mark.parametrize(
    ("wanted", "names", "kind"),
    [("AAAA.BBBB", ("ari2.example.com",), "malformed"), ("own", ("other.example.com",), "malformed")],
)
def test_a_wrong_replaces_is_refused(
    running: Pebble, subscriber: Subscriber, wanted: str, names: tuple[str, ...], kind: str
) -> None:
    """An unknown certificate and one without a name in common are malformed; the order is not placed."""
    leaf = obtain(running, subscriber, "ari2.example.com")
    with pytest.raises(messages.Error) as refused:
        subscriber.order(*names, replaces=ari_id(leaf) if wanted == "own" else wanted)
    assert refused.value.typ == PREFIX + kind


def test_another_account_replaces_nothing(running: Pebble, subscriber: Subscriber) -> None:
    """Who did not order a certificate is unauthorized to replace it."""
    leaf = obtain(running, subscriber, "ari3.example.com")
    other = Subscriber(running.directory, str(running.ca))
    other.register()
    with pytest.raises(messages.Error) as refused:
        other.order("ari3.example.com", replaces=ari_id(leaf))
    assert refused.value.typ == PREFIX + "unauthorized"
    other.net.session.close()


def test_a_window_can_be_ordered(running: Pebble, subscriber: Subscriber) -> None:
    """A revocation drill moves the window of all certificates into the past, and back."""
    leaf = obtain(running, subscriber, "drill.example.com")
    http = urllib3.PoolManager(ca_certs=str(running.ca), retries=False)
    url = f"{running.directory.removesuffix('/dir')}/renewal-info/{ari_id(leaf)}"
    past = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    running.set_window(past - timedelta(hours=1), past)
    assert datetime.fromisoformat(http.request("GET", url).json()["suggestedWindow"]["end"]) == past
    running.clear_window()
    assert datetime.fromisoformat(http.request("GET", url).json()["suggestedWindow"]["end"]) > datetime.now(UTC)
    http.clear()


def test_requests_are_counted_by_kind(running: Pebble, subscriber: Subscriber) -> None:
    """One order is one new-order, one challenge, one finalize, one certificate; its second order needs no challenge."""
    running.clear_requests()
    obtain(running, subscriber, "count.example.com")
    counts = running.requests()
    assert [counts[kind] for kind in ("new-order", "challenge", "finalize", "certificate")] == [1, 1, 1, 1]
    running.clear_requests()
    obtain(running, subscriber, "count.example.com")
    assert "challenge" not in running.requests()


def test_nonces_can_be_refused() -> None:
    """With the highest share of refusals, the library's one retry is not enough."""
    with pebble(Manner(nonce_refusal=100)) as found:
        one = Subscriber(found.directory, str(found.ca))
        with pytest.raises(messages.Error) as refused:
            one.register()
        assert refused.value.typ == f"{PREFIX}badNonce"
        one.net.session.close()


def test_validation_can_be_slow() -> None:
    """With a validation time the authorization stays pending a while, without one it is valid at once or nearly."""
    with pebble(Manner(validation_seconds=900, always_valid=True)) as found:
        one = Subscriber(found.directory, str(found.ca))
        one.register()
        order = one.order("slow.example.com")
        one.answer(order)
        assert one.read(order).authorizations[0].body.status == messages.STATUS_PENDING
        one.net.session.close()


def test_pebble_beside_a_local_azure_asks_its_dns_and_is_trusted_like_it(azure: LocalAzure) -> None:
    """With its certificate and its DNS server: one CA file for all, and a value in a local zone is found."""
    with pebble(Manner(), dns=azure.dns_server, trust=Trust.of(azure.ready)) as found:
        assert str(found.ca) == azure.ready.ca
        one = Subscriber(found.directory, azure.ready.ca)
        one.register()
        order = one.order("pebble.test")

        def put(place: str, value: str) -> None:
            """Let the value stand in the local zone."""
            azure.dns.zone("pebble.test", records={"_acme-challenge": {"TXT": [f'"{value}"']}})

        one.answer(order, put)
        assert one.hasten(order)
        azure.dns.remove("pebble.test")
        with pytest.raises(LocalAzureError, match="no challenge test server"):
            found.set_txt("_acme-challenge.pebble.test", "x")
        one.net.session.close()


def test_lego_gets_a_certificate_too(tmp_path: Path) -> None:
    """Debian's lego, by its own DNS-01 with a script that tells the challenge test server, where no nonce is refused."""
    with pebble(Manner()) as found:
        hook = tmp_path / "hook.py"
        hook.write_text(HOOK.format(management=found.challenge_management))
        hook.chmod(0o755)
        lego = find("lego")
        command = [str(lego.path), "--server", found.directory, "--email", "a@example.com", "--accept-tos"]
        command += ["--path", str(tmp_path / "lego"), "--dns", "exec", "--dns.disable-cp", "--dns.resolvers"]
        command += [found.dns, "--domains", "lego.example.com", "run"]
        more = {"EXEC_PATH": str(hook), "LEGO_CA_CERTIFICATES": str(found.ca), "EXEC_POLLING_INTERVAL": "1"}
        done = subprocess.run(
            command, env={**lego.environment, **more}, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert found.requests()["new-order"] == 1
    pem = (tmp_path / "lego" / "certificates" / "lego.example.com.crt").read_bytes()
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["lego.example.com"]


HOOK = """#!/bin/sh
if [ "$1" = present ]; then
    exec curl -sf http://127.0.0.1:{management}/set-txt -d "{{\\"host\\": \\"$2\\", \\"value\\": \\"$3\\"}}"
fi
exec curl -sf http://127.0.0.1:{management}/clear-txt -d "{{\\"host\\": \\"$2\\"}}"
"""
