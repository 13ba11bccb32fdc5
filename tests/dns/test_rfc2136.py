"""Dynamic updates at BIND: delegation, other people's records, and each refusal."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update
import pytest

from perennial import dns as providers
from perennial.adapters.resolver import DnsResolver
from perennial.dns.rfc2136 import UpdatedZone
from perennial.errors import DnsError
from tests.dns.bind import FROZEN, KEY, PRIMARY, SECONDARY, VALIDATION, ZONE, Bind
from tests.dns.places import setting, tools

VALUE = "v" * 43
SECRET = "c2VjcmV0IHNlY3JldCBzZWNyZXQh"


def zone_at(bind: Bind, zone: str = ZONE, *, secret: str = "", **options: str) -> UpdatedZone:
    """Return a zone at BIND's primary, with the right key unless another is given."""
    told = {"server": f"{PRIMARY}:{bind.port}", "key": KEY, "secret": "TSIG"} | options
    return UpdatedZone(setting(zone, "rfc2136", **told), lambda _: secret or bind.secret, seconds=3)


def refusal(zone: UpdatedZone, name: str = f"refused.{ZONE}") -> DnsError:
    """Return what a write is refused with."""
    with pytest.raises(DnsError) as error:
        zone.present(name, VALUE)
    assert error.value.fix
    return error.value


def test_a_name_delegated_by_cname_is_put_into_the_validation_zone(bind: Bind) -> None:
    """Followed through the root, its zone and the other, and served by both servers in the end."""
    resolver = DnsResolver((bind.resolver,))
    configured = setting(VALIDATION, "rfc2136", server=PRIMARY, port=str(bind.port), key=KEY, secret="TSIG")
    provider = providers.build((configured,), tools(TSIG=bind.secret), resolver)
    name = f"_acme-challenge.far.{ZONE}"
    assert provider.serves(name) == VALIDATION
    provider.present(name, VALUE)
    assert bind.txt(f"far.{VALIDATION}") == [VALUE]
    pause = threading.Event()
    while resolver.lacking(name, VALUE):
        pause.wait(0.02)
    assert bind.txt(f"far.{VALIDATION}", SECONDARY) == [VALUE]
    provider.clean(name, VALUE)
    assert bind.txt(f"far.{VALIDATION}") == []


def test_a_value_is_not_seen_before_every_server_has_it(bind: Bind) -> None:
    """The silent one is named, though the other serves the value."""
    zone_at(bind, VALIDATION).present(f"half.{VALIDATION}", VALUE)
    with bind.silence(SECONDARY):
        lacking = DnsResolver((bind.resolver,), try_seconds=1.5).lacking(f"half.{VALIDATION}", VALUE)
    assert lacking == ("ns2.servers.test (no answer from 127.0.0.2)",)


def test_only_our_own_value_is_removed(bind: Bind) -> None:
    """Another value at the name stays, and so does a value like ours at another name."""
    zone = zone_at(bind)
    for name, value in ((f"own.{ZONE}", VALUE), (f"own.{ZONE}", "theirs"), (f"own2.{ZONE}", VALUE)):
        zone.present(name, value)
    zone.clean(f"own.{ZONE}", VALUE)
    assert bind.txt(f"own.{ZONE}") == ["theirs"]
    assert bind.txt(f"own2.{ZONE}") == [VALUE]


def test_the_ttl_is_the_options(bind: Bind) -> None:
    """Sixty seconds unless it says otherwise."""
    zone_at(bind).present(f"sixty.{ZONE}", VALUE)
    zone_at(bind, ttl="7").present(f"seven.{ZONE}", VALUE)
    for name, ttl in ((f"sixty.{ZONE}", 60), (f"seven.{ZONE}", 7)):
        query = dns.message.make_query(name, "TXT")
        assert dns.query.tcp(query, PRIMARY, 5, bind.port).answer[0].ttl == ttl


@pytest.mark.parametrize(
    ("options", "secret", "words"),
    [
        ({}, SECRET, "put the secret of perennial. as 127.0.0.1"),
        ({"key": "stranger."}, "", "the key stranger."),
        ({"algorithm": "hmac-sha512"}, "", "name and algorithm"),
        ({}, "this is no base64!", "give it as base64"),
    ],
)
def test_a_key_that_does_not_fit_is_a_persons_to_mend(
    bind: Bind, options: dict[str, str], secret: str, words: str
) -> None:
    """Another secret, name or algorithm than the server's, or no key at all: dns-refused, and the fix says which."""
    error = refusal(zone_at(bind, secret=secret, **options))
    assert error.code == "dns-refused"
    assert words in error.fix
    assert bind.secret not in f"{error} {error.fix}"
    assert secret == "" or secret not in f"{error} {error.fix}"


def test_a_zone_that_takes_no_updates_names_the_grant(bind: Bind) -> None:
    """REFUSED: the server's policy must change."""
    error = refusal(zone_at(bind, FROZEN), f"x.{FROZEN}")
    assert error.code == "dns-refused"
    assert "update-policy" in error.fix


def test_a_zone_that_the_server_does_not_have_is_named(bind: Bind) -> None:
    """NOTAUTH: another server is the primary."""
    error = refusal(zone_at(bind, "elsewhere.test"), "x.elsewhere.test")
    assert error.code == "dns-refused"
    assert "primary server of elsewhere.test" in error.fix


def test_a_secret_that_is_not_set_is_named(bind: Bind) -> None:
    """Nothing is sent."""
    zone = UpdatedZone(setting(ZONE, "rfc2136", server=PRIMARY, key=KEY, secret="TSIG"), lambda _: "")
    assert "PERENNIAL_SECRET_TSIG" in refusal(zone).fix


def test_a_server_that_is_not_there_is_down() -> None:
    """dns-down: it is tried again."""
    for server in ("127.0.0.1:1", "nobody-has-this.invalid"):
        zone = UpdatedZone(setting(ZONE, "rfc2136", server=server, key=KEY, secret="TSIG"), lambda _: SECRET)
        assert refusal(zone).code == "dns-down"


@contextlib.contextmanager
def answering(rcode: dns.rcode.Rcode, tsig_error: int = 0) -> Iterator[str]:
    """Run a server that answers each update so; gives its address. An rcode of -1 is no answer."""
    stop = threading.Event()

    def serve(listener: socket.socket) -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                with connection:
                    wire = connection.recv(65535)[2:]
                    if tsig_error >= 0:
                        connection.sendall(answer(wire))
                    else:
                        stop.wait(5)

    def answer(wire: bytes) -> bytes:
        keyring = dns.tsigkeyring.from_text({KEY: SECRET})
        query = dns.message.from_wire(wire, keyring=keyring)
        response = dns.message.make_response(query, tsig_error=tsig_error)
        response.set_rcode(rcode)
        signed = response.to_wire()
        return len(signed).to_bytes(2) + signed

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("rcode", "tsig_error", "code", "words"),
    [
        (dns.rcode.SERVFAIL, 0, "dns-down", "see that the server runs"),
        (dns.rcode.NOTZONE, 0, "dns-refused", "name the primary server"),
        (dns.rcode.YXRRSET, 0, "dns-refused", "server's log"),
        (dns.rcode.NOTAUTH, dns.rcode.BADTIME, "dns-refused", "set the clock of 127.0.0.1"),
        (dns.rcode.NOTAUTH, dns.rcode.BADSIG, "dns-refused", "put the secret of"),
        (dns.rcode.NOTAUTH, dns.rcode.BADKEY, "dns-refused", "give 127.0.0.1"),
        (dns.rcode.NOERROR, -1, "dns-down", "see that the server runs"),
    ],
)
def test_every_answer_says_who_must_act(rcode: dns.rcode.Rcode, tsig_error: int, code: str, words: str) -> None:
    """By the answer's code, or that of its signature (RFC 8945 §5.2), or because there is none."""
    with answering(rcode, tsig_error) as server:
        told = setting(ZONE, "rfc2136", server=server, key=KEY, secret="TSIG")
        error = refusal(UpdatedZone(told, lambda _: SECRET, seconds=0.5))
    assert error.code == code
    assert error.fix.startswith(words) or words in error.fix


def test_a_good_answer_is_no_error() -> None:
    """The server that answers in these tests is understood."""
    with answering(dns.rcode.NOERROR) as server:
        told = setting(ZONE, "rfc2136", server=server, key=KEY, secret="TSIG")
        UpdatedZone(told, lambda _: SECRET).present(f"x.{ZONE}", VALUE)
