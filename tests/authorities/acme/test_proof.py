"""Names proved by DNS-01: values, their way to every server, answers, and what a CA offers."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from ipaddress import IPv4Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from localazure.acme.conduct import Conduct, Trouble
from perennial.authorities.acme import proving
from perennial.authorities.acme.answers import PROBLEM, Authorization, Challenge, Identifier, Problem
from perennial.authorities.acme.memory import Memory, State
from perennial.authorities.acme.turn import identifier
from perennial.errors import DnsError, IssuerError
from perennial.ports.tables import Query
from tests.authorities.acme.ordered import NAMES, NOW, at, bench, claim, next_attempt
from tests.authorities.acme.test_hostile import Offers
from tests.memory import minting

WWW = ("www.example.com",)
RECORD = "_acme-challenge.www.example.com"


def test_the_value_is_the_digest_of_token_and_thumbprint() -> None:
    """RFC 8555 §8.1 and §8.4, computed here from the CA's token and the key's public half (RFC 7638)."""
    with bench() as one:
        one.stop(WWW, at("answering"))
        (authorization,) = one.ca.books.authorizations.values()
        key = one.keys.read(one.account().key_id)
        assert key is not None

        def text(raw: bytes) -> str:
            return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

        members = {"crv": "P-256", "kty": "EC", "x": text(key.x), "y": text(key.y)}
        thumbprint = text(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())
        wanted = text(hashlib.sha256(f"{authorization.token}.{thumbprint}".encode()).digest())
        assert one.dns.values[RECORD] == [wanted]


def test_apex_and_wildcard_are_two_values_at_one_name() -> None:
    """Each authorization has its own token."""
    with bench() as one:
        one.stop(NAMES, at("answering"))
        assert len(set(one.dns.values["_acme-challenge.example.com"])) == 2


def test_another_tools_value_survives() -> None:
    """At the same name, from before us."""
    with bench() as one:
        one.dns.values[RECORD].append("another tool's")
        one.issue(WWW)
        assert one.dns.values[RECORD] == ["another tool's"]


def test_the_ca_is_told_only_when_every_server_serves_the_value() -> None:
    """While one lags, looks come ever later, and say which one it is."""
    with bench() as one:
        one.dns.lagging = {"ns2.example.net"}
        waiting = one.stop(WWW, lambda _: len(one.waits) == 4)
        assert one.asked("challenge") == 0
        assert [wait.total_seconds() for wait in one.waits] == [10, 15, 22, 34]
        one.dns.lagging = set()
        one.run(WWW, waiting)
        assert one.asked("challenge") == 1


def test_values_already_served_are_not_asked_about_again() -> None:
    """Each look begins with the first that was lacking."""
    with bench() as one:
        waiting = one.stop(("a.example.com", "b.example.com"), at("propagating"))
        one.dns.values["_acme-challenge.b.example.com"].clear()
        stopped = one.stop(("a.example.com", "b.example.com"), lambda _: len(one.waits) == 1, waiting)
        assert stopped.checkpoint.memory["at"] == "1"


def test_a_value_that_is_never_served_is_told_after_an_hour() -> None:
    """With the servers' names; the CA was not asked to look, so no failed authorization counts; the value is removed."""
    with bench() as one:
        one.dns.lagging = {"ns2.example.net"}
        with pytest.raises(IssuerError) as raised:
            one.run(WWW)
        assert (raised.value.code, raised.value.permanent) == ("not-served", False)
        assert "ns2.example.net" in raised.value.what
        assert "ns1.example.net" not in raised.value.what
        assert timedelta(hours=1) < one.now - NOW < timedelta(hours=1, minutes=10)
        assert one.asked("challenge") == 0
        assert one.dns.values[RECORD] == []


@pytest.mark.parametrize("code", ["dns-refused", "dns-full"])
def test_a_zone_that_refuses_is_told_as_it_said(code: str) -> None:
    """Code and fix are the provider's; it is tried again, since a right may be given tomorrow."""
    with bench() as one:
        stopped = one.stop(WWW, at("presenting"))
        one.dns.refuses = DnsError(code, "403 to the TXT set", fix="give the role", permanent=True)
        with pytest.raises(IssuerError) as raised:
            one.run(WWW, stopped)
        assert (raised.value.code, raised.value.fix, raised.value.permanent) == (code, "give the role", False)


def test_a_busy_zone_is_waited_for() -> None:
    """429 of a provider is no failure: the same value is written when it said."""
    with bench() as one:
        stopped = one.stop(WWW, at("presenting"))
        one.dns.refuses = DnsError("dns-throttled", "429", retry_after=timedelta(seconds=42))
        waiting = one.stop(WWW, lambda _: len(one.waits) == 1, stopped)
        assert one.waits == [timedelta(seconds=42)]
        one.dns.refuses = None
        assert one.run(WWW, waiting)


@pytest.mark.parametrize("code", ["dns-down", "dns-busy", "dns-throttled"])
def test_a_zone_that_does_not_answer_is_asked_again(code: str) -> None:
    """So is one that is busy and does not say for how long. The order stands, with the values that it has."""
    with bench() as one:
        stopped = one.stop(WWW, at("presenting"))
        one.dns.refuses = DnsError(code, "no answer")
        with pytest.raises(IssuerError) as raised:
            one.run(WWW, stopped)
        assert raised.value.code == code
        one.dns.refuses = None
        assert one.run(WWW, next_attempt(claim(), raised.value.back_to), fresh=False)
        assert one.asked("new-order") == 1


def test_slow_validation_is_polled_by_the_cas_own_clock() -> None:
    """The order is asked, not each authorization: first when the CA said, then ever later."""
    with bench(Conduct(validation_delay=60, retry_after=20)) as one:
        one.issue(WWW)
        assert one.asked("authorization") == 1
        assert [wait.total_seconds() for wait in one.waits][:2] == [20, 4]
        assert one.asked("order") <= 12


def test_slow_signing_is_polled() -> None:
    """Processing, with a Retry-After."""
    with bench(Conduct(finalize_delay=60, retry_after=30)) as one:
        one.issue(WWW)
        assert one.asked("finalize") == 1


def test_an_authorization_that_is_lost_already_ends_the_order() -> None:
    """The CA gave an order whose names it will not take up: nothing is written to the DNS, and the next attempt orders anew."""
    with bench() as one:
        stopped = one.stop(WWW, at("authorizing"))
        (authorization,) = one.ca.books.authorizations.values()
        authorization.status = "deactivated"
        with pytest.raises(IssuerError) as raised:
            one.run(WWW, stopped)
        assert (raised.value.code, one.dns.calls) == ("order-failed", [])
        assert raised.value.back_to.memory == {"tried": "1"}
        assert "www.example.com is deactivated" in raised.value.what


def test_a_name_that_nobody_ordered_is_not_proved() -> None:
    """A CA that wants another name's TXT value gets none: it would have us prove somebody's name for somebody else's order."""
    with bench() as one:
        stopped = one.stop(WWW, at("authorizing"))
        (authorization,) = one.ca.books.authorizations.values()
        authorization.identifier = ("dns", "bank.example.com")
        with pytest.raises(IssuerError) as raised:
            one.run(WWW, stopped)
        assert (raised.value.code, one.dns.calls) == ("refused", [])
        assert "bank.example.com" in raised.value.what


def test_a_challenge_that_was_answered_already_is_no_failure() -> None:
    """Boulder says malformed to a second answer; how the order stands tells what came of the first."""
    with bench() as one:
        one.ca.troubles.append(Trouble(on="challenge", type="malformed", status=400, after_effect=True))
        one.issue(WWW)
        assert one.asked("challenge") == 1


@pytest.mark.parametrize(("kind", "status"), [("unauthorized", 403), ("connection", 400)])
def test_an_answer_that_is_refused_ends_the_order(kind: str, status: int) -> None:
    """The negative: another refusal is one."""
    with bench() as one:
        one.ca.troubles.append(Trouble(on="challenge", type=kind, status=status))
        with pytest.raises(IssuerError):
            one.run(WWW)


def test_an_order_that_is_done_behind_an_error_is_fetched() -> None:
    """A finalize that took effect and was answered with orderNotReady: the order is asked, and it has its certificate."""
    with bench() as one:
        one.ca.troubles.append(Trouble(on="finalize", type="orderNotReady", status=403, after_effect=True))
        one.issue(WWW)
        assert (one.asked("finalize"), len(one.ca.books.certificates)) == (1, 1)


def test_an_order_that_is_not_ready_is_validated_first() -> None:
    """The same where it did not: the order is looked at, and the CSR is sent again."""
    with bench() as one:
        one.ca.troubles.append(Trouble(on="finalize", type="orderNotReady", status=403))
        one.issue(WWW)
        assert (one.asked("finalize"), len(one.ca.books.certificates)) == (2, 1)


def test_addresses_are_ordered_as_addresses() -> None:
    """RFC 8738: type ip; a CA that has its own proof of them needs nothing of us."""
    assert identifier("192.0.2.1") == {"type": "ip", "value": "192.0.2.1"}
    assert identifier("2001:db8::1")["type"] == "ip"
    assert identifier("example.com")["type"] == "dns"


def test_a_name_that_cannot_be_proved_by_dns_is_told() -> None:
    """RFC 8738 §7: no DNS-01 for an IP address, which is said in so many words. Only another policy, or a CA that is not asked so, helps."""
    with bench(profile="shortlived") as one:
        with pytest.raises(IssuerError) as raised:
            one.run(("www.example.com",), csr=_with_address())
        assert (raised.value.code, raised.value.permanent) == ("no-dns-challenge", True)
        assert raised.value.what.startswith("192.0.2.1 is an IP address, and DNS-01")
        assert raised.value.fix.startswith("whoever keeps the certificate: leave the IP address out")


def _with_address() -> bytes:
    names = [x509.DNSName("www.example.com"), x509.IPAddress(IPv4Address("192.0.2.1"))]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(minting.key(1), hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize(("name", "counted"), [("www.example.com", 1), ("WWW.example.com", 1), ("a/b#c", 0)])
def test_only_a_name_that_was_ordered_is_counted_as_failed(name: str, counted: int) -> None:
    """What a CA makes up is told, and is no key of a row."""
    challenge = Challenge("dns-01", "https://ca.example/challenge/1", error=Problem(f"{PROBLEM}dns"))
    with bench() as one:
        memory = Memory(state=State.DIAGNOSING, authorizations=("https://ca.example/authz/1",))
        turn = Offers(one, Authorization(Identifier("dns", name), "invalid", (challenge,))).turn(WWW, memory)
        with pytest.raises(IssuerError, match=name) as raised:
            proving.diagnose(turn)
        assert raised.value.code == "validation-failed"
        assert len(one.tables.usages.select(Query()).items) == counted
