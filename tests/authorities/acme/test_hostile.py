"""CAs that answer what no CA should: nothing of it stalls a certificate, crashes a look, or leads it astray."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest

from localazure.acme.conduct import Trouble, Window
from perennial.authorities.acme import answers, network, ordering, problems
from perennial.authorities.acme.answers import Authorization, Challenge, Directory, Identifier, Order
from perennial.authorities.acme.client import LONGEST_ADDRESS, Placed, Session, is_usable
from perennial.authorities.acme.machine import STALE
from perennial.authorities.acme.memory import Memory, State
from perennial.authorities.acme.network import Network, NoAnswer
from perennial.authorities.acme.turn import Turn
from perennial.errors import IssuerError
from perennial.model.renewal import Checkpoint, Renewal, Step, Waiting
from tests.authorities.acme.ordered import NOW, Bench, at, bench, claim, next_attempt

WWW = ("www.example.com",)
WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("31536000", WEEK),
        ("99999999999999999999", WEEK),
        ("9" * 5000, WEEK),
        ("604799", timedelta(seconds=604799)),
        ("0", timedelta(0)),
        ("-5", None),
        ("\N{SUPERSCRIPT TWO}", None),
        ("1e9", None),
        ("Mon, 23 Nov 2026 12:00:00 GMT", timedelta(0)),
        ("Wed, 24 Nov 2027 12:00:00 GMT", WEEK),
    ],
)
def test_a_wait_is_believed_for_a_week(said: str, wait: timedelta | None) -> None:
    """The longest span of Let's Encrypt's limits: a year would let a certificate die in silence, and some numbers are none."""
    answer = answers.Answer(b"", {"Retry-After": said, "Date": "Tue, 24 Nov 2026 12:00:00 GMT"})
    assert answer.retry_after == wait


def test_a_wait_in_a_text_is_believed_for_a_week() -> None:
    """The same for what Let's Encrypt's text says."""
    assert problems.said_wait("retry after 9998-12-31 00:00:00 UTC", NOW) == WEEK
    assert problems.said_wait("retry after 2026-11-24 12:00:07 UTC", NOW) == timedelta(seconds=7)


def test_a_ca_that_asks_for_a_year_is_asked_again_after_a_week() -> None:
    """Nor do other certificates of that CA wait longer."""
    with bench() as one:
        one.ca.troubles.append(Trouble(on="new-order", type="rateLimited", status=429, retry_after="31536000"))
        with pytest.raises(IssuerError) as raised:
            one.run(WWW)
        assert raised.value.retry_after == WEEK
        one.issue(("other.example.com",))
        assert one.now < NOW + 2 * WEEK


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("9999-12-31T00:00:00-12:00", "9999-12-31T23:59:59-12:00"),
        ("0001-01-01T00:00:00+14:00", "2026-12-02T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-02T00:00:00Z"),
    ],
)
def test_a_window_outside_of_time_is_no_answer(start: str, end: str) -> None:
    """No row holds such an instant, and some of them are none in UTC; one that is centuries ahead can be."""
    with bench() as one:
        one.issue(WWW)
        ari_id = next(iter(one.ca.books.certificates.values())).ari_id
        one.ca.windows.append(Window(body=f'{{"suggestedWindow": {{"start": "{start}", "end": "{end}"}}}}'))
        assert one.authority.suggest(ari_id, one.now) is None
        one.clock[0] += timedelta(minutes=1)
        far = datetime(2900, 1, 1, tzinfo=UTC)
        one.ca.windows.append(Window(start=far, end=far + timedelta(days=1)))
        found = one.authority.suggest(ari_id, one.now)
        assert found is not None
        assert found.start == far


def test_an_order_stays_with_the_ca_that_took_it() -> None:
    """Another directory in the settings: the order's CA is not asked in the name of the new account, which would seem unknown and be given up."""
    with bench() as one, bench() as other:
        stopped = one.stop(WWW, at("validating"))
        one.restart(directory=other.directory)
        with pytest.raises(IssuerError, match="account is another") as raised:
            one.run(WWW, stopped)
        assert (raised.value.code, raised.value.retry_after) == ("order-expired", timedelta(0))
        assert one.account().gone == ""
        assert not any(one.dns.values.values())
        one.run(WWW, next_attempt(claim(), raised.value.back_to))
        assert len(other.ca.books.certificates) == 1
        assert len(one.ca.books.certificates) == 0


def _remembering(stopped: Renewal, **texts: str) -> Renewal:
    return replace(stopped, checkpoint=Checkpoint(Step.SIGNING, {**stopped.checkpoint.memory, **texts}))


def test_an_order_that_is_over_is_not_asked_for_ever() -> None:
    """An address at which nothing usable answers is asked until the order is over, then another order is placed."""
    with bench() as one:
        stopped = _remembering(one.stop(WWW, at("validating")), order="http://127.0.0.1:1/order")
        with pytest.raises(IssuerError) as raised:
            one.run(WWW, stopped)
        assert raised.value.code == "ca-down"
        assert raised.value.back_to.memory["state"] == "validating"
        one.clock[0] += timedelta(days=8)
        with pytest.raises(IssuerError) as raised:
            one.run(WWW, stopped)
        assert raised.value.code == "order-expired"
        assert one.run(WWW, next_attempt(claim(), raised.value.back_to))


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://ca.example/acme/chall/1", True),
        ("https://ca.example/" + "x" * (LONGEST_ADDRESS - 19), True),
        ("https://ca.example/" + "x" * (LONGEST_ADDRESS - 18), False),
        ("https://ca.example/a b", False),
        ("https://ca.example/a\nb", False),
        ("", False),
        ("file:///etc/passwd", False),
    ],
)
def test_an_address_is_asked_if_it_can_be_kept(address: str, good: bool) -> None:
    """A claim's memory separates addresses by blanks and has 32 K characters for a hundred names."""
    assert is_usable(address) is good


@dataclass
class Offers:
    """A session with a CA that answers what it is given."""

    one: Bench
    authorized: Authorization | None = None
    placed: Placed | None = None
    account: str = "https://ca.example/account/1"
    key_id: str = "key-1"

    @property
    def directory(self) -> Directory:
        """A directory without renewal information."""
        return Directory(new_nonce="", new_account="", new_order="")

    def authorization(self, _: str) -> Authorization | None:
        """Give what was set."""
        return self.authorized

    def value(self, token: str) -> str:
        """Give a value."""
        return f"value-of-{token}"

    def order(self, *_: object) -> Placed | None:
        """Give what was set."""
        return self.placed

    def turn(self, names: tuple[str, ...], memory: Memory) -> Turn:
        """Return an order's turn in this session."""
        session = cast("Session", self)
        desk = self.one.authority._desk
        return Turn(
            desk=desk,
            csr=b"",
            names=names,
            renewal=claim(),
            memory=memory,
            fresh=True,
            now=self.one.now,
            account=session,
        )


@pytest.mark.parametrize(
    ("kind", "name", "url", "good"),
    [
        ("dns", "www.example.com", "https://ca.example/challenge/1", True),
        ("dns", "www.example.com", "", False),
        ("dns", "www.example.com", "https://ca.example/a b", False),
        ("ip", "192.0.2.1", "https://ca.example/challenge/1", False),
        ("ip", "2001:db8::1", "https://ca.example/challenge/1", False),
    ],
)
def test_a_challenge_that_is_no_use_is_none(kind: str, name: str, url: str, good: bool) -> None:
    """At an address that is none, or by DNS for an IP address (RFC 8738 §7): the failure says what was offered."""
    found = Authorization(Identifier(kind, name), "pending", (Challenge("dns-01", url, "token"),))
    memory = Memory(state=State.AUTHORIZING, authorizations=("https://ca.example/authz/1",))
    with bench() as one:
        turn = Offers(one, found).turn((name,), memory)
        if good:
            step = ordering.authorize(turn)
            assert isinstance(step, Waiting)
            assert step.checkpoint.memory["values"] == f"{name}:value-of-token"
            return
        with pytest.raises(IssuerError) as raised:
            ordering.authorize(turn)
        assert raised.value.code == "no-dns-challenge"
        assert raised.value.what.endswith(f"for {name} the CA offers dns-01")
        assert ("is an IP address" in raised.value.what) is (kind == "ip")


@pytest.mark.parametrize(("count", "good"), [(1, True), (2, True), (3, False), (5000, False)])
def test_an_order_with_more_authorizations_than_names_is_no_answer(count: int, good: bool) -> None:
    """They would neither be ours nor fit a row; of the fewer some are valid already."""
    addresses = tuple(f"https://ca.example/authz/{number}" for number in range(count))
    placed = Placed("https://ca.example/order/1", Order("pending", addresses, "https://ca.example/finalize/1"))
    with bench() as one:
        turn = Offers(one, placed=placed).turn(("a.example.com", "b.example.com"), Memory(state=State.ORDERING))
        if good:
            step = ordering.place(turn)
            assert isinstance(step, Waiting)
            assert step.checkpoint.memory["account"] == "https://ca.example/account/1"
            return
        with pytest.raises(IssuerError, match="more authorizations than names") as raised:
            ordering.place(turn)
        assert raised.value.back_to.memory["state"] == "ordering"


def test_old_nonces_cost_one_request() -> None:
    """After a quiet night a CA knows none of those that were kept: all are forgotten at the first that it refuses."""
    with bench() as one:
        one.issue(("a.example.com",))
        one.ca.books.requests.clear()
        one.issue(("b.example.com",))
        usual = one.ca.books.requests.total()
        session = one.authority._accounts._session
        assert session is not None
        kept: Any = session._network._nonces
        kept.clear()
        kept.update(f"an old nonce, number {number}".encode() for number in range(50))
        one.ca.books.requests.clear()
        one.waits.clear()
        one.issue(("c.example.com",))
        assert one.ca.books.requests.total() == usual + 1
        assert STALE not in one.waits


class Site(BaseHTTPRequestHandler):
    """Answers endlessly, or leads elsewhere."""

    def do_GET(self) -> None:  # the library's name
        """Answer by the path."""
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.end_headers()
        left = int(self.path.removeprefix("/"))
        with contextlib.suppress(OSError):
            while left > 0:
                left -= self.wfile.write(b"x" * min(left, 65536))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """Give the address of such a site."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_endless_body_is_not_read_to_its_end(site: str) -> None:
    """A gigabyte ends at the longest answer; one of that very length is read."""
    asked = Network(tls=False)
    with pytest.raises(NoAnswer, match="more than 1000000 bytes"):
        asked.fetch(f"{site}/1000000000")
    assert len(asked.fetch(f"{site}/{network.LARGEST}").body) == network.LARGEST


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://127.0.0.1/"])
def test_a_redirect_leads_nowhere_that_would_not_be_asked(site: str, where: str) -> None:
    """Within the scheme it is followed: a directory may move."""
    asked = Network(tls=False)
    with pytest.raises(NoAnswer, match="not asked"):
        asked.fetch(f"{site}/to/{where}")
    assert asked.fetch(f"{site}/to//17").body == b"x" * 17
