"""Webhooks over real TLS: what arrives, what is a success, and how long anything may take."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_network
from pathlib import Path
from threading import Event
from time import monotonic

import pytest
import trustme
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from perennial.channels.post import Wire
from perennial.channels.target import Target
from perennial.channels.webhook import WebhookChannel
from perennial.errors import ChannelError
from perennial.model.notices import Delivery, NoticeKind, Subscription
from tests.channels.receiver import Behaviour, Receiver, answering, receiver
from tests.memory.world import SETTINGS

OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
ALLOWED = replace(SETTINGS, webhook_ranges=(ip_network("127.0.0.0/8"),), instance="test")
NOW = datetime.now(UTC).replace(microsecond=0)  # the published library verifies against the real clock
DELIVERY = Delivery(
    subject="kv-orders:web",
    notice="0123456789abcdef0123456789abcdef",
    subscription="orders",
    kind=NoticeKind.NEW_VERSION,
    opened=NOW,
    body='{"vault":"kv-orders","names":["bücher.example"]}',
    time=datetime(2026, 3, 1, 12, tzinfo=UTC),
)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Make a throw-away CA."""
    return trustme.CA()


@pytest.fixture
def target(authority: trustme.CA) -> Iterator[Receiver]:
    """Run a receiver that is called localhost."""
    with receiver(authority, "localhost", "127.0.0.1") as running:
        yield running


@pytest.fixture
def wire(authority: trustme.CA) -> Wire:
    """Trust the throw-away CA, and wait no longer than a test should."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return Wire(connect_seconds=1, whole_seconds=0.5, trust=lambda: context)


def subscription(port: int, host: str = "localhost", path: str = "/hook?a=b") -> Subscription:
    """Return a subscription to a receiver."""
    return Subscription(name="orders", channel="webhook", target=f"https://{host}:{port}{path}", secret="ORDERS")


def channel(wire: Wire, *, rotating: bool = False) -> WebhookChannel:
    """Return the channel with one secret set, or two."""
    secrets = {"PERENNIAL_SECRET_ORDERS": OLD, "PERENNIAL_SECRET_ORDERS_NEXT": NEW if rotating else ""}
    return WebhookChannel(ALLOWED, secrets, wire)


def test_a_signed_cloud_event_arrives(target: Receiver, wire: Wire) -> None:
    """The receiver gets the event in structured mode, verifies it with the published library, and its answer is kept."""
    target.behaviour = answering("202 Accepted", body="thank\nyou")
    assert channel(wire).send(DELIVERY, subscription(target.port), NOW) == "202 Accepted: thank you"
    (got,) = target.got
    assert got.line == "POST /hook?a=b HTTP/1.1"
    assert got.headers["host"] == f"localhost:{target.port}"
    assert got.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert got.headers["webhook-id"] == DELIVERY.notice
    assert Webhook(OLD).verify(got.body, got.headers) == {
        "specversion": "1.0",
        "id": DELIVERY.notice,
        "source": "/perennial/test",
        "type": "Perennial.Certificate.NewVersion",
        "subject": "kv-orders/web",
        "time": "2026-03-01T12:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:perennial:notice:new-version:1",
        "data": {"vault": "kv-orders", "names": ["bücher.example"]},
    }


def test_a_changed_body_does_not_verify(target: Receiver, wire: Wire) -> None:
    """The signature is of this body and this secret."""
    channel(wire).send(DELIVERY, subscription(target.port), NOW)
    (got,) = target.got
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD).verify(got.body.replace("kv-orders", "kv-others"), got.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(got.body, got.headers)


def test_two_signatures_while_a_secret_is_rotated(target: Receiver, wire: Wire) -> None:
    """A receiver that knows the old secret verifies, and so does one that knows the new."""
    channel(wire, rotating=True).send(DELIVERY, subscription(target.port), NOW)
    (got,) = target.got
    assert len(got.headers["webhook-signature"].split(" ")) == 2
    assert Webhook(OLD).verify(got.body, got.headers) == Webhook(NEW).verify(got.body, got.headers)


def test_a_repeat_has_the_same_id_and_body(target: Receiver, wire: Wire) -> None:
    """Every attempt sends the same text under the same id; the signature's time is its own."""
    for minutes in (0, 1):
        channel(wire).send(DELIVERY, subscription(target.port), NOW + timedelta(minutes=minutes))
    first, second = target.got
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


@pytest.mark.parametrize(
    ("status", "headers", "asked"),
    [
        ("500 Internal Server Error", "", (False, None)),
        ("410 Gone", "", (False, None)),
        ("400 Bad Request", "Retry-After: 60\r\n", (False, None)),
        ("429 Too Many Requests", "", (True, None)),
        ("429 Too Many Requests", "Retry-After: 120\r\n", (True, timedelta(minutes=2))),
        ("429 Too Many Requests", "Retry-After: 0\r\n", (True, None)),
        ("503 Service Unavailable", "", (False, None)),
        ("503 Service Unavailable", "Retry-After: Fri, 01 Jan 1999 00:00:00 GMT\r\n", (False, None)),
        ("503 Service Unavailable", "Retry-After: 999999999999\r\n", (True, timedelta(days=1))),
    ],
)
def test_an_answer_that_is_no_success(
    target: Receiver, wire: Wire, status: str, headers: str, asked: tuple[bool, timedelta | None]
) -> None:
    """Only 2xx is a success; a 429, or a 503 with a Retry-After that is not over, asks to be left alone."""
    target.behaviour = answering(status, headers, "no")
    with pytest.raises(ChannelError) as error:
        channel(wire).send(DELIVERY, subscription(target.port), NOW)
    assert error.value.answer == f"{status}: no"
    assert (error.value.throttled, error.value.retry_after) == asked


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent"])
def test_a_redirect_is_a_failure(target: Receiver, wire: Wire, status: str) -> None:
    """No redirect is followed, wherever it leads."""
    target.behaviour = answering(status, f"Location: https://localhost:{target.port}/other\r\n")
    with pytest.raises(ChannelError, match="redirects are not followed"):
        channel(wire).send(DELIVERY, subscription(target.port), NOW)
    assert target.connections == 1


def test_a_big_answer_is_not_read_whole(target: Receiver, wire: Wire) -> None:
    """Of an answer without end only the beginning is read."""

    def flood(connection: ssl.SSLSocket, stopping: Event) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while not stopping.is_set():
            connection.sendall(b"x" * 65536)

    target.behaviour = flood
    started = monotonic()
    answer = channel(wire).send(DELIVERY, subscription(target.port), NOW)
    assert monotonic() - started < 0.5
    assert answer.startswith("200 OK: xxx")
    assert len(answer) <= 300


def trickling(start: bytes) -> Behaviour:
    """Answer with a beginning, then with a byte now and then."""

    def trickle(connection: ssl.SSLSocket, stopping: Event) -> None:
        connection.sendall(start)
        while not stopping.wait(0.05):
            connection.sendall(b"x")

    return trickle


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_an_answer_that_trickles_is_cut_off(target: Receiver, wire: Wire, start: bytes) -> None:
    """A byte now and then does not buy more time."""
    target.behaviour = trickling(start)
    started = monotonic()
    with pytest.raises(ChannelError, match=r"no whole answer within 0\.5 s"):
        channel(wire).send(DELIVERY, subscription(target.port), NOW)
    assert 0.4 < monotonic() - started < 2


def test_a_body_that_trickles_is_left(target: Receiver, wire: Wire) -> None:
    """An answer counts by its status; waiting for its body ends in time too."""
    target.behaviour = trickling(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n")
    started = monotonic()
    assert channel(wire).send(DELIVERY, subscription(target.port), NOW).startswith("200 OK")
    assert 0.4 < monotonic() - started < 2


def test_a_server_that_never_shakes_hands_is_cut_off(wire: Wire) -> None:
    """The time covers the TLS handshake too."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(ChannelError, match="no whole answer"):
            channel(wire).send(DELIVERY, subscription(port), NOW)


def test_nobody_listens(wire: Wire) -> None:
    """A refused connection is a failure that says so."""
    with pytest.raises(ChannelError, match=r"no connection to 127\.0\.0\.1, port 1"):
        channel(wire).send(DELIVERY, subscription(1, host="127.0.0.1"), NOW)


def test_an_answer_that_is_no_http(target: Receiver, wire: Wire) -> None:
    """Nonsense is a failure, not an error of ours."""
    target.behaviour = lambda connection, _: connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")
    with pytest.raises(ChannelError):
        channel(wire).send(DELIVERY, subscription(target.port), NOW)
    target.behaviour = lambda _connection, _: None
    with pytest.raises(ChannelError):
        channel(wire).send(DELIVERY, subscription(target.port), NOW)


def test_the_checked_address_is_the_one_connected_to(authority: trustme.CA, wire: Wire) -> None:
    """The connection goes to the address that was given, under the name that was asked for, and no resolver is asked again."""
    with receiver(authority, "hooks.invalid") as target:
        answer = wire.post([IPv4Address("127.0.0.1")], Target("hooks.invalid", target.port, "/"), {}, b"{}")
    assert answer.status == 204
    assert target.got[0].headers["host"] == f"hooks.invalid:{target.port}"


def test_an_address_as_target(target: Receiver, wire: Wire) -> None:
    """A literal address is connected to if its range is allowed and the certificate carries it."""
    assert channel(wire).send(DELIVERY, subscription(target.port, host="127.0.0.1"), NOW).startswith("204")


def test_a_certificate_of_another_name_is_refused(authority: trustme.CA, wire: Wire) -> None:
    """Who holds a certificate for another name gets nothing."""
    with receiver(authority, "other.example") as target, pytest.raises(ChannelError, match="certificate"):
        channel(wire).send(DELIVERY, subscription(target.port), NOW)
    assert target.got == []


def test_an_unknown_authority_is_refused(target: Receiver) -> None:
    """By default the system's authorities are trusted, and not the throw-away one."""
    with pytest.raises(ChannelError, match="certificate verify failed"):
        channel(Wire(whole_seconds=2)).send(DELIVERY, subscription(target.port), NOW)
    assert target.got == []


def test_ssl_cert_file_is_honoured(target: Receiver, authority: trustme.CA) -> None:
    """What the platform's variable names is trusted, as by every other client of the process."""
    program = (
        "import sys; from ipaddress import ip_address; from perennial.channels.post import Wire;"
        "from perennial.channels.target import Target;"
        "print(Wire().post([ip_address('127.0.0.1')], Target('localhost', int(sys.argv[1]), '/'), {}, b'').status)"
    )
    with authority.cert_pem.tempfile() as path:
        done = subprocess.run(
            [sys.executable, "-c", program, str(target.port)],
            env={"SSL_CERT_FILE": path},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.strip() == "204"


def test_a_private_address_is_not_reached(target: Receiver, wire: Wire) -> None:
    """Without the setting that allows its range, a private address gets no connection, also if the subscription is old."""
    strict = WebhookChannel(SETTINGS, {"PERENNIAL_SECRET_ORDERS": OLD}, wire)
    with pytest.raises(ChannelError, match="loopback"):
        strict.send(DELIVERY, subscription(target.port), NOW)
    assert target.connections == 0


def test_a_missing_secret_is_a_failure_without_a_request(target: Receiver, wire: Wire) -> None:
    """An unsigned notice is never sent."""
    with pytest.raises(ChannelError, match="PERENNIAL_SECRET_ORDERS is not set"):
        WebhookChannel(ALLOWED, {}, wire).send(DELIVERY, subscription(target.port), NOW)
    assert target.connections == 0
